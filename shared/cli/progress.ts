import type { Terminal } from "./terminal.ts";

const WIDTH = 30;
const EVERY_MS = 100;

/** A bar on stderr while people wait. On anything but a terminal it shows nothing. */
export interface ProgressBar {
  advance(done: number, total: number): void;
  /** Writes a line above the bar. */
  above(write: () => void): void;
  /** Takes the bar away. */
  end(): void;
}

/** A bar that is redrawn at most ten times a second. */
export function progressBar(terminal: Terminal, what: string): ProgressBar {
  if (!terminal.stderrIsTty) return { advance: () => {}, above: (write) => write(), end: () => {} };
  let shown = "";
  let drawnAt = Number.NEGATIVE_INFINITY;
  return {
    advance(done, total) {
      const now = performance.now();
      if (now - drawnAt < EVERY_MS && done < total) return;
      drawnAt = now;
      shown = bar(done, total, what);
      terminal.redraw(shown);
    },
    above(write) {
      if (shown !== "") terminal.redraw("");
      write();
      if (shown !== "") terminal.redraw(shown);
    },
    end() {
      if (shown !== "") terminal.redraw("");
      shown = "";
    },
  };
}

/** `██████░░░░  12/40 checked`. */
export function bar(done: number, total: number, what: string): string {
  const share = total > 0 ? Math.min(1, Math.max(0, done / total)) : 0;
  const full = Math.round(share * WIDTH);
  return `${"█".repeat(full)}${"░".repeat(WIDTH - full)}  ${done}/${total} ${what}`;
}
