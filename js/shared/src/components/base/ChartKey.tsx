interface ChartKeyProps {
  readonly kind: "minibatch" | "full" | "best" | "baseline";
  readonly children: string;
}

/** A part of a chart's legend: what it is drawn as, and what it is. */
export function ChartKey({ kind, children }: ChartKeyProps) {
  const isDot = kind === "minibatch" || kind === "full";
  const width = isDot ? 9 : 14;
  return (
    <span class="mipro-key" data-key>
      <svg width={width} height="9" class={`mipro-key-${kind}`} aria-hidden="true">
        {isDot ? <circle cx="4.5" cy="4.5" r="3.4" /> : <path d="M0 4.5H14" />}
      </svg>
      {children}
    </span>
  );
}
