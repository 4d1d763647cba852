import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { Icon } from "../parts/icon.tsx";

interface Given {
  label: string;
  optional?: boolean;
  help?: string | null | undefined;
  /** What is wrong, and under it what to do. */
  error?: ComponentChildren;
  /** Draws the control with what ties it to its label, help and error. */
  children: (tied: Tied) => ComponentChildren;
}

export interface Tied {
  id: string;
  "aria-describedby": string;
  "aria-invalid": "true" | undefined;
}

/** A label, a control, its help, and what is wrong with it. */
export function Field({ label, optional = false, help, error, children }: Given) {
  const id = useId();
  const describedBy = [help ? `${id}-help` : "", error ? `${id}-error` : ""].filter(Boolean).join(" ");
  return (
    <div class={`field${error ? " wrong" : ""}`}>
      <label for={id}>
        {label}
        {optional ? <span class="optional"> optional</span> : null}
      </label>
      {children({ id, "aria-describedby": describedBy, "aria-invalid": error ? "true" : undefined })}
      {error ? (
        <div id={`${id}-error`} class="field-error" role="alert">
          <Icon name="alert" size={15} />
          <div>{error}</div>
        </div>
      ) : null}
      {help ? (
        <p id={`${id}-help`} class="help">
          {help}
        </p>
      ) : null}
    </div>
  );
}
