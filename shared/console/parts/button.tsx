import type { ButtonHTMLAttributes, ComponentChildren } from "preact";
import { Icon, type IconName } from "./icon.tsx";

interface Given extends Omit<ButtonHTMLAttributes, "icon" | "disabled"> {
  look?: "plain" | "main" | "quiet" | "danger";
  icon?: IconName;
  /** Something is under way: it says so and takes no further click. */
  busy?: boolean;
  /** Why it cannot be used now; it stays reachable, so that the reason can be read. */
  off?: string | null;
  small?: boolean;
  children?: ComponentChildren;
}

/** A button. One that is off is not skipped by the keyboard: it tells why. */
export function Button({
  look = "plain",
  icon,
  busy = false,
  off = null,
  small = false,
  children,
  onClick,
  ...rest
}: Given) {
  const isOff = busy || off !== null;
  return (
    <button
      type="button"
      {...rest}
      class={`button ${look}${small ? " small" : ""}${busy ? " busy" : ""}`}
      aria-disabled={isOff ? "true" : undefined}
      aria-busy={busy ? "true" : undefined}
      title={off ?? rest.title}
      onClick={(event) => {
        if (isOff) event.preventDefault();
        else onClick?.(event);
      }}
    >
      {busy ? <span class="spinner" aria-hidden="true" /> : icon === undefined ? null : <Icon name={icon} size={16} />}
      {children}
    </button>
  );
}
