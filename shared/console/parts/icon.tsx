/** Drawn on a grid of 20, in the colour of the text beside it. */
const paths = {
  check: "M4.5 10.5l3.6 3.6L15.5 6.5",
  cross: "M5.5 5.5l9 9M14.5 5.5l-9 9",
  alert: "M10 3.2l7.4 13.1H2.6zM10 8.2v3.6M10 14.2v.1",
  clock: "M10 2.8a7.2 7.2 0 100 14.4 7.2 7.2 0 000-14.4zM10 6.2v4l2.6 1.6",
  pause: "M7.2 5v10M12.8 5v10",
  info: "M10 2.8a7.2 7.2 0 100 14.4 7.2 7.2 0 000-14.4zM10 9.4v4M10 6.6v.1",
  lock: "M5 9.2h10v7.3H5zM7 9.2V6.6a3 3 0 016 0v2.6",
  search: "M8.8 3.4a5.4 5.4 0 100 10.8 5.4 5.4 0 000-10.8zM12.8 12.8l4 4",
  plus: "M10 4.5v11M4.5 10h11",
  copy: "M7 7h9v9H7zM13 7V4H4v9h3",
  right: "M7.5 4.5L13 10l-5.5 5.5",
  left: "M12.5 4.5L7 10l5.5 5.5",
  out: "M8 4H4v12h12v-4M11 4h5v5M16 4l-7 7",
  sun: "M10 6.6a3.4 3.4 0 100 6.8 3.4 3.4 0 000-6.8zM10 2v1.6M10 16.4V18M2 10h1.6M16.4 10H18M4.3 4.3l1.2 1.2M14.5 14.5l1.2 1.2M4.3 15.7l1.2-1.2M14.5 5.5l1.2-1.2",
  moon: "M16.5 11.6A6.9 6.9 0 118.4 3.5a5.5 5.5 0 008.1 8.1z",
  auto: "M3 4.5h14v9H3zM7 16.5h6M10 13.5v3",
  refresh: "M16 10a6 6 0 11-1.9-4.4M16 3.4v3.2h-3.2",
  swap: "M4 7.5h11M12 4.5l3 3-3 3M16 12.5H5M8 9.5l-3 3 3 3",
  edit: "M4 16l.8-3.4 8.6-8.6 2.6 2.6-8.6 8.6zM11.6 5.8l2.6 2.6",
  bin: "M4 6h12M8 6V4h4v2M5.5 6l.8 10.5h7.4L14.5 6",
  eye: "M2.5 10S5.2 5 10 5s7.5 5 7.5 5-2.7 5-7.5 5-7.5-5-7.5-5zM10 7.8a2.2 2.2 0 100 4.4 2.2 2.2 0 000-4.4z",
  file: "M5.5 3h6l3.5 3.5V17h-9.5zM11 3v4h4",
  key: "M12.6 3.8a3.8 3.8 0 00-3.5 5.2l-5.6 5.6v2h2.6v-1.8h1.8v-1.8h1.4l1.3-1.3a3.8 3.8 0 102-7.9zM13.4 6.8v.1",
} as const;

export type IconName = keyof typeof paths;

/** A sign beside a text that says the same; screen readers pass it over. */
export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
