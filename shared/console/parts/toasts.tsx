import { useCallback, useRef, useState } from "preact/hooks";
import type { Tone } from "../context.ts";
import { toneIcons } from "./badge.tsx";
import { Icon } from "./icon.tsx";

interface Toast {
  id: number;
  text: string;
  tone: Tone;
}

const SHOWN_MS = 6_000;

/** What was said lately, and a way to say more. */
export function useToasts(): { toasts: readonly Toast[]; toast: (text: string, tone?: Tone) => void } {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const count = useRef(0);
  const toast = useCallback((text: string, tone: Tone = "good") => {
    count.current += 1;
    const id = count.current;
    setToasts((before) => [...before.slice(-2), { id, text, tone }]);
    setTimeout(() => setToasts((before) => before.filter((one) => one.id !== id)), SHOWN_MS);
  }, []);
  return { toasts, toast };
}

export function Toasts({ toasts }: { toasts: readonly Toast[] }) {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.map(({ id, text, tone }) => (
        <p key={id} class={`toast ${tone}`}>
          <Icon name={toneIcons[tone]} />
          {text}
        </p>
      ))}
    </div>
  );
}
