import { useState } from "preact/hooks";
import type { Stored } from "../../client/results.ts";
import { useDesk } from "../context.ts";
import { Badge } from "../parts/badge.tsx";
import { Heading } from "../parts/heading.tsx";
import { Icon } from "../parts/icon.tsx";
import { Link } from "../parts/link.tsx";
import { Notice } from "../parts/notice.tsx";
import { Tile } from "../parts/tile.tsx";
import { type Face, familyOf, kindOf } from "../registry.ts";
import { sectionNames } from "../words.ts";
import { Done } from "./done.tsx";
import { Guide } from "./guide.tsx";
import { NEW_CUSTOM, SetupForm } from "./setup-form.tsx";

/** Connects a provider: how to get the key first, then the form; of a family, which kind of credential. */
export function Setup({ face, segment }: { face: Face; segment: string }) {
  const { store } = useDesk();
  const { name, members, ...family } = familyOf(store.providers, face);
  // As it was on opening: what is stored here must not turn this into another form.
  const [stored] = useState(() => members.filter(({ code }) => store.isConfigured(code)));
  const [isKnown] = useState(() => segment !== NEW_CUSTOM && store.isConfigured(segment));
  const [chosen, choose] = useState(() => (segment === family.segment ? (stored[0] ?? face) : face));
  const isNew = segment.startsWith("custom-") ? !isKnown : !stored.includes(chosen);
  const beside = stored.find((member) => member !== chosen);
  const [done, setDone] = useState<{ stored: Stored; name: string } | null>(null);
  const isRecord = face.credential_type === "none";
  const verb = isRecord ? "Record" : isNew ? "Connect" : "Replace";
  return (
    <>
      <nav class="crumbs" aria-label="Where you are">
        <Link to={{ view: "overview", section: null }}>Integrations</Link>
        <Icon name="right" size={14} />
        <Link to={{ view: "overview", section: face.category }}>{sectionNames[face.category]}</Link>
      </nav>
      <div class="title-row">
        <Tile name={name} big />
        <Heading text={`${verb} ${name}`} />
        {isNew ? null : <Badge label="Connected already" tone="info" />}
      </div>
      {store.canManage ? null : <ReadOnly />}
      {done !== null ? <Done stored={done.stored} face={chosen} name={done.name} /> : null}
      {done === null && members.length > 1 ? (
        <fieldset class="segments kinds">
          <legend class="hidden">Kind of credential</legend>
          {members.map((member, index) => (
            <button key={member.code} type="button" aria-pressed={member === chosen} onClick={() => choose(member)}>
              {kindOf(member)}
              {index === 0 ? <span class="count">recommended</span> : null}
            </button>
          ))}
        </fieldset>
      ) : null}
      {done === null && beside !== undefined && isNew ? (
        <Notice tone="warn" title={`${beside.display_name} is connected, and stays.`}>
          <p>
            This connects {chosen.display_name} beside it. While both are there, “{family.segment}” alone means neither
            of them to pipelines: delete {beside.display_name} once this one works.
          </p>
        </Notice>
      ) : null}
      {done === null ? (
        <div class="setup">
          <Guide face={chosen} />
          <SetupForm
            key={chosen.code}
            face={chosen}
            segment={segment}
            isNew={isNew}
            onDone={(stored, what) => setDone({ stored, name: what })}
          />
        </div>
      ) : null}
    </>
  );
}

/** Why what changes something is off. */
export function ReadOnly() {
  return (
    <Notice tone="info" title="This organisation key may read only.">
      <p>
        You can look at everything here. To change something, lock the console and open it with a key that has the scope
        manage.
      </p>
    </Notice>
  );
}
