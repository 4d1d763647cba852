import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";

interface Given {
  title: string;
  children: ComponentChildren;
  onClose: () => void;
  wide?: boolean;
  /** Something is under way: it stays until that is known. */
  busy?: boolean;
}

/** A question that stands before the page. The browser keeps the focus inside and gives it back afterwards; Escape closes, unless something is under way. */
export function Dialog({ title, children, onClose, wide = false, busy = false }: Given) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    // Closed before it is taken away, since the browser gives the focus back only then.
    return () => shown?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      class={wide ? "wide" : ""}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        if (!busy) onClose();
      }}
      // A second Escape closes it without asking.
      onClose={({ currentTarget }) => {
        if (!currentTarget.isConnected) return;
        if (busy) currentTarget.showModal();
        else onClose();
      }}
    >
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  );
}
