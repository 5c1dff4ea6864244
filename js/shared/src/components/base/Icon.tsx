/** Line icons on a grid of 16, drawn in the colour of the text around them. */
const paths = {
  ban: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11ZM4.1 4.1l7.8 7.8",
  check: "m3 8.5 3.5 3.5L13 4.5",
  chevronDown: "m4 6 4 4 4-4",
  chevronLeft: "m10 4-4 4 4 4",
  chevronRight: "m6 4 4 4-4 4",
  clock: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11ZM8 5v3l2 1.5",
  close: "m4 4 8 8m0-8-8 8",
  columns: "M2.5 3h11v10h-11zM6.2 3v10M9.8 3v10",
  compare: "M2.5 3h4.2v10H2.5zM9.3 3h4.2v10H9.3z",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  edit: "m3 13 .7-2.8 7-7 2.1 2.1-7 7zM9.3 4.6l2.1 2.1",
  info: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11ZM8 7.3v3.5M8 5v.3",
  note: "M3.5 2.5h9v11h-9zM5.5 5.5h5M5.5 8h5M5.5 10.5h3",
  opens: "M9.5 2.5h4v4M13.5 2.5 8 8M7 3.5H2.5v10h10V9",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  pin: "M5.5 2.5h5l-.7 4.3 2.2 2.2H4l2.2-2.2zM8 9v4.5",
  play: "m5 3 7.5 5L5 13z",
  plus: "M8 3v10M3 8h10",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9ZM10.3 10.3l3.2 3.2",
  stop: "M4 4h8v8H4z",
  tag: "M2.5 2.5h5l6 6-5 5-6-6zM5.3 5.3v.1",
  thumbDown:
    "M11 8.5v-6h2.5v6zM11 8.5l-2.5 5c-1.2 0-1.7-.8-1.5-2l.4-2h-4c-.7 0-1.1-.6-1-1.2l1-4.8c.1-.6.6-1 1.2-1H11",
  thumbUp:
    "M5 7.5v6H2.5v-6zM5 7.5l2.5-5c1.2 0 1.7.8 1.5 2l-.4 2h4c.7 0 1.1.6 1 1.2l-1 4.8c-.1.6-.6 1-1.2 1H5",
  trash: "M3 4.5h10M6 4.5v-2h4v2M4.5 4.5l.6 9h5.8l.6-9",
  warning: "M8 2.5 14 13H2zM8 6.5v3M8 11.2v.2",
} as const;

export type IconName = keyof typeof paths;

/** Decoration: what it means is said in words beside it, or by its button's label. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="mipro-icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}
