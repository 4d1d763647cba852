import type { ComponentChildren } from "preact";
import { useDesk } from "../context.ts";
import { go } from "../navigation.ts";
import { type Place, type Section, writeAddress } from "../places.ts";

interface Given {
  to: Place;
  section?: Section | null;
  class?: string;
  label?: string | undefined;
  current?: boolean;
  before?: () => void;
  children: ComponentChildren;
}

/** A link to a view: a real one, which can be opened in a new tab, and followed here without a request. */
export function Link({ to, section = null, label, current = false, before, children, ...rest }: Given) {
  const { store } = useDesk();
  return (
    <a
      class={rest.class}
      href={writeAddress(store.org, to, section)}
      aria-label={label}
      aria-current={current ? "page" : undefined}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
        event.preventDefault();
        before?.();
        go(store.org, to, section);
      }}
    >
      {children}
    </a>
  );
}
