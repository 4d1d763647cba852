import type { ComponentChildren } from "preact";
import { useDesk } from "../context.ts";
import { Button } from "../parts/button.tsx";
import { Icon } from "../parts/icon.tsx";
import { Link } from "../parts/link.tsx";
import type { Address, Section } from "../places.ts";
import { findFace } from "../registry.ts";
import { sectionNames } from "../words.ts";
import { Theme } from "./theme.tsx";

const tabs: ReadonlyArray<readonly [Section | null, string]> = [
  [null, "Overview"],
  ["cloud", "Cloud"],
  ["genai", "AI"],
  ["saas", "Subscriptions"],
];

/** What stands around every view: where one is, for whom, and the way out. */
export function Frame({ address, children }: { address: Address; children: ComponentChildren }) {
  const { store, lock } = useDesk();
  const here = sectionOf(address, store.providers);
  return (
    <>
      <a class="skip" href="#content">
        Skip to the content
      </a>
      <header class="bar">
        <div class="bar-inner">
          <Link class="brand" to={{ view: "overview", section: null }} label="CloudAct integrations, overview">
            <span class="mark">
              <Icon name="check" />
            </span>
            <span class="brand-name">CloudAct</span>
          </Link>
          <span class="org" title="Organisation">
            {store.org}
          </span>
          {store.canManage ? null : <span class="badge off">Read only</span>}
          <span class="spring" />
          <Theme />
          <Button look="quiet" icon="lock" onClick={lock} title="Forget the key and close">
            Lock
          </Button>
        </div>
        <nav class="tabs" aria-label="Sections">
          {tabs.map(([section, label]) => (
            <Link
              key={label}
              to={{ view: "overview", section }}
              current={section === here}
              label={section === null ? undefined : sectionNames[section]}
            >
              {label}
            </Link>
          ))}
        </nav>
      </header>
      <main id="content" tabIndex={-1}>
        {children}
      </main>
    </>
  );
}

function sectionOf({ place }: Address, faces: Parameters<typeof findFace>[0]): Section | null {
  if (place.view === "overview") return place.section;
  return findFace(faces, place.segment)?.face.category ?? null;
}
