import { useMemo, useState } from "preact/hooks";
import type { IntegrationSummary } from "../../client/answers.ts";
import { useDesk } from "../context.ts";
import { Button } from "../parts/button.tsx";
import { Heading } from "../parts/heading.tsx";
import { Icon } from "../parts/icon.tsx";
import { Problem } from "../parts/problem.tsx";
import type { Section } from "../places.ts";
import { daysUntil } from "../time.ts";
import { sectionNames, standingOf } from "../words.ts";
import { Available } from "./available.tsx";
import { Row } from "./row.tsx";
import { Subscriptions } from "./subscriptions.tsx";

const filters = ["All", "To look at", "Connected", "Available"] as const;
const SOON_DAYS = 30;

/** All that an organisation has connected and could connect, what is wrong first; or one section of it. */
export function Overview({ section }: { section: Section | null }) {
  const { store } = useDesk();
  const [query, setQuery] = useState("");
  const [filter, setFilter] = useState<(typeof filters)[number]>("All");
  const [isBusy, setBusy] = useState(false);
  const all = Object.values(store.summaries).filter((one) => section === null || one.category === section);
  const connected = all.filter((one) => one.lifecycle !== "not_configured");
  const toLookAt = connected.filter(needsLook);
  const matching = useMemo(() => matcher(query), [query]);
  const shown = connected.filter(matching).sort(byUrgency);
  const title = section === null ? "Integrations" : sectionNames[section];
  const sections = section === null ? (["cloud", "genai", "saas"] as const) : [section];
  const reload = async () => {
    setBusy(true);
    await store.load();
    setBusy(false);
  };
  const listed = filter === "To look at" ? shown.filter(needsLook) : filter === "Available" ? [] : shown;
  const urgent = listed.filter((one) => needsLook(one) && one.category !== "saas");
  return (
    <>
      <div class="title-row">
        <Heading text={title} />
        <span class="spring" />
        <Button look="quiet" icon="refresh" busy={isBusy} onClick={() => void reload()}>
          Refresh
        </Button>
      </div>
      <Counts connected={connected} toLookAt={toLookAt.length} />
      {store.failure ? <Problem failure={store.failure} again={() => void reload()} /> : null}
      <div class="tools">
        <label class="search">
          <Icon name="search" />
          <span class="hidden">Search</span>
          <input
            type="search"
            value={query}
            placeholder="Search providers and names"
            onInput={(event) => setQuery(event.currentTarget.value)}
          />
        </label>
        <fieldset class="segments">
          <legend class="hidden">Show</legend>
          {filters.map((one) => (
            <button key={one} type="button" aria-pressed={filter === one} onClick={() => setFilter(one)}>
              {one}
              {one === "To look at" && toLookAt.length > 0 ? <span class="count">{toLookAt.length}</span> : null}
            </button>
          ))}
        </fieldset>
      </div>
      <p class="hidden" role="status">
        {query === "" ? "" : `${listed.length} connected found`}
      </p>
      {connected.length === 0 && query === "" && filter !== "Available" ? <Start section={section} /> : null}
      {urgent.length > 0 ? (
        <section class="block" aria-labelledby="urgent">
          <h2 id="urgent">
            To look at <span class="count">{urgent.length}</span>
          </h2>
          <ul class="rows">
            {urgent.map((row) => (
              <Row key={row.provider} summary={row} />
            ))}
          </ul>
        </section>
      ) : null}
      {sections.map((one) => {
        const rows = listed.filter((row) => row.category === one && !urgent.includes(row));
        if (rows.length === 0) return null;
        return (
          <section key={one} class="block" aria-labelledby={`of-${one}`}>
            <h2 id={`of-${one}`}>
              {sectionNames[one]} <span class="count">{rows.length}</span>
            </h2>
            {one === "saas" ? (
              <Subscriptions rows={rows} />
            ) : (
              <ul class="rows">
                {rows.map((row) => (
                  <Row key={row.provider} summary={row} />
                ))}
              </ul>
            )}
          </section>
        );
      })}
      {filter === "To look at" && listed.length === 0 ? (
        <p class="empty">Nothing needs a look{query === "" ? ": everything connected works." : " that matches."}</p>
      ) : null}
      {filter === "All" || filter === "Available" ? (
        <Available sections={sections} matching={matching} isSearch={query !== ""} />
      ) : null}
    </>
  );
}

/** How it stands, in four numbers. */
function Counts({ connected, toLookAt }: { connected: readonly IntegrationSummary[]; toLookAt: number }) {
  const working = connected.filter((one) => standingOf(one).tone === "good").length;
  const ending = connected.filter(endsSoon).length;
  if (connected.length === 0) return null;
  return (
    <dl class="counts">
      <div>
        <dt>Connected</dt>
        <dd>{connected.length}</dd>
      </div>
      <div class={working > 0 ? "good" : ""}>
        <dt>Working</dt>
        <dd>{working}</dd>
      </div>
      <div class={toLookAt > 0 ? "warn" : ""}>
        <dt>To look at</dt>
        <dd>{toLookAt}</dd>
      </div>
      <div class={ending > 0 ? "warn" : ""}>
        <dt>Expire in {SOON_DAYS} days</dt>
        <dd>{ending}</dd>
      </div>
    </dl>
  );
}

function Start({ section }: { section: Section | null }) {
  const what = section === "saas" ? "Record your first subscription" : "Connect your first account";
  return (
    <div class="start">
      <span class="start-mark">
        <Icon name="key" size={26} />
      </span>
      <h2>{what}</h2>
      <p>
        {section === "saas"
          ? "Price, seats and renewal date: you see what it costs a month, and by when it must be cancelled."
          : "Choose a provider below. You are led to the right key, it is tried before it is stored, and it is kept encrypted."}
      </p>
    </div>
  );
}

function matcher(
  query: string,
): (one: { display_name: string; provider?: string; credential_name?: string }) => boolean {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return ({ display_name, provider = "", credential_name = "" }) => {
    const text = `${display_name} ${provider} ${credential_name}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
}

function endsSoon(one: IntegrationSummary): boolean {
  if (!("expires_at" in one) || one.expires_at === null) return false;
  const days = daysUntil(one.expires_at, Date.now());
  return days >= 0 && days <= SOON_DAYS;
}

function needsLook(one: IntegrationSummary): boolean {
  const { tone } = standingOf(one);
  return tone === "bad" || tone === "warn" || endsSoon(one);
}

function byUrgency(left: IntegrationSummary, right: IntegrationSummary): number {
  const rank = (one: IntegrationSummary) => (endsSoon(one) ? 4 : standingOf(one).rank);
  return rank(left) - rank(right) || left.display_name.localeCompare(right.display_name);
}
