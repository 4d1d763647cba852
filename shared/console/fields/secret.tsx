import { useState } from "preact/hooks";
import { Button } from "../parts/button.tsx";
import { Icon } from "../parts/icon.tsx";
import type { Tied } from "./field.tsx";

interface Given {
  tied: Tied;
  label: string;
  value: string;
  /** It was sent: it stays in memory for another try, and is not in the page any more. */
  isHeld: boolean;
  isLong: boolean;
  placeholder: string;
  onInput: (text: string) => void;
  onBlur: (event: FocusEvent) => void;
  onReplace: () => void;
}

/** A secret as it is entered: hidden unless asked, and taken out of the page as soon as it is sent. */
export function Secret({ tied, label, value, isHeld, isLong, placeholder, onInput, onBlur, onReplace }: Given) {
  const [isShown, setShown] = useState(false);
  if (isHeld)
    return (
      <div class="held">
        <Icon name="lock" size={16} />
        <span>Sent ({value.trim().length} characters), kept in memory</span>
        <Button
          id={tied.id}
          small
          look="quiet"
          aria-label={`Enter another ${label}`}
          aria-describedby={tied["aria-describedby"]}
          onClick={onReplace}
        >
          Enter another
        </Button>
      </div>
    );
  const common = {
    ...tied,
    value,
    placeholder,
    // Said to be a code for once, which no browser offers to save; “off” is ignored on passwords.
    autoComplete: "one-time-code" as const,
    autoCapitalize: "off" as const,
    spellcheck: false,
    "data-1p-ignore": "",
    "data-lpignore": "true",
    "data-bwignore": "",
    onInput: (event: { currentTarget: { value: string } }) => onInput(event.currentTarget.value),
    onBlur,
  };
  return (
    <div class="secret">
      {isLong ? (
        <textarea {...common} rows={4} class={isShown ? "mono" : "mono veiled"} />
      ) : isShown ? (
        <input {...common} key="entry" class="mono" type="text" />
      ) : (
        <input {...common} key="entry" class="mono" type="password" />
      )}
      <Button
        small
        look="quiet"
        icon="eye"
        aria-pressed={isShown}
        aria-label={`Show ${label}`}
        onClick={() => setShown(!isShown)}
      >
        {isShown ? "Hide" : "Show"}
      </Button>
    </div>
  );
}
