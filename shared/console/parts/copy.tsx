import { useState } from "preact/hooks";
import { Button } from "./button.tsx";

/** Copies a text, and says that it has. */
export function Copy({ text, what, short = false }: { text: string; what: string; short?: boolean }) {
  const [done, setDone] = useState<"yes" | "no" | null>(null);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setDone("yes");
    } catch {
      setDone("no");
    }
    setTimeout(() => setDone(null), 2_000);
  };
  return (
    <Button
      small
      look="quiet"
      icon={done === "yes" ? "check" : "copy"}
      aria-label={`Copy ${what}`}
      onClick={() => void copy()}
    >
      <span aria-live="polite">
        {done === "yes" ? "Copied" : done === "no" ? "Select it and copy" : short ? "" : "Copy"}
      </span>
    </Button>
  );
}
