import { createContext } from "preact";
import { useContext, useEffect, useReducer } from "preact/hooks";
import type { Store } from "./store.ts";

export type Tone = "good" | "bad" | "warn" | "info";

/** What every view of an open organisation works with. */
export interface Desk {
  store: Store;
  /** Says something in passing, read out politely. */
  toast: (text: string, tone?: Tone) => void;
  lock: () => void;
}

export const DeskContext = createContext<Desk | null>(null);

/** The desk; the component is drawn again whenever the store has changed. */
export function useDesk(): Desk {
  const desk = useContext(DeskContext);
  if (desk === null) throw new Error("no organisation is open");
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  useEffect(() => desk.store.subscribe(() => redraw(undefined)), [desk.store]);
  return desk;
}
