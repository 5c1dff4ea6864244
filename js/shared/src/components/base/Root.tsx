import type { ComponentChildren } from "preact";

/**
 * What every view stands in: it carries the theme.
 *
 * JupyterLab would take arrows, Enter and Space for its own commands while the focus is in an
 * output; the attribute tells it to leave them to the view.
 */
export function Root({ children }: { readonly children: ComponentChildren }) {
  return (
    <div class="mipro" data-lm-suppress-shortcuts="true">
      {children}
    </div>
  );
}
