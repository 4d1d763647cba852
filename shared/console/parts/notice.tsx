import type { ComponentChildren } from "preact";
import type { Tone } from "../context.ts";
import { toneIcons } from "./badge.tsx";
import { Icon } from "./icon.tsx";

interface Given {
  tone: Tone;
  title: ComponentChildren;
  children?: ComponentChildren;
  actions?: ComponentChildren;
  /** Read out as soon as it is there. */
  loud?: boolean;
}

/** Something to know, with what to do about it. */
export function Notice({ tone, title, children, actions, loud = false }: Given) {
  return (
    <div class={`notice ${tone}`} role={loud ? (tone === "bad" ? "alert" : "status") : undefined}>
      <Icon name={toneIcons[tone]} />
      <div class="notice-text">
        <p class="notice-title">{title}</p>
        {children}
        {actions ? <div class="actions">{actions}</div> : null}
      </div>
    </div>
  );
}
