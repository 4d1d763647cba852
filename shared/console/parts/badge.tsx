import type { Tone } from "../context.ts";
import type { Standing } from "../words.ts";
import { Icon, type IconName } from "./icon.tsx";

export const toneIcons: Readonly<Record<Tone | "off", IconName>> = {
  good: "check",
  warn: "alert",
  bad: "cross",
  info: "info",
  off: "pause",
};

/** A standing: its word, its colour and its sign. */
export function Badge({ label, tone }: Pick<Standing, "label" | "tone">) {
  return (
    <span class={`badge ${tone}`}>
      <Icon name={toneIcons[tone]} size={14} />
      {label}
    </span>
  );
}
