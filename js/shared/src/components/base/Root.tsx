import type { ComponentChildren } from "preact";

/**
 * What every view stands in: it carries the theme.
 *
 * JupyterLab would take arrows, Enter and Space for its own commands while the focus is in an
 * output; the attribute tells it to leave them to the view. In the fields of an output it also
 * cancels line breaks and undoing, from a listener on the field itself; so these events never get
 * there. The browser carries them out all the same.
 */
export function Root({ children }: { readonly children: ComponentChildren }) {
  return (
    <div
      class="mipro"
      data-lm-suppress-shortcuts="true"
      onBeforeInputCapture={(event) => event.stopPropagation()}
    >
      {children}
    </div>
  );
}
