import type { IntegrationSummary } from "../../client/answers.ts";
import { useDesk } from "../context.ts";
import { Badge } from "../parts/badge.tsx";
import { Icon } from "../parts/icon.tsx";
import { Link } from "../parts/link.tsx";
import { Moment } from "../parts/moment.tsx";
import { Tile } from "../parts/tile.tsx";
import { segmentOf } from "../registry.ts";
import { daysUntil } from "../time.ts";
import { standingOf } from "../words.ts";
import { wrongWith } from "./wrong.ts";

/** One connected provider: how it stands, and what is wrong with what to do. */
export function Row({ summary }: { summary: IntegrationSummary }) {
  const { store } = useDesk();
  const standing = standingOf(summary);
  const detail = store.details.get(summary.provider);
  const wrong = wrongWith(summary, detail?.info ?? null);
  const full = "credential_id" in summary ? summary : null;
  return (
    <li class={`row ${standing.tone}`}>
      <Tile name={summary.display_name} />
      <div class="row-main">
        <p class="row-name">
          <Link
            to={{ view: "provider", segment: segmentOf(store.providers, summary) }}
            section={summary.category}
            class="cover"
          >
            {summary.display_name}
          </Link>
          <Badge {...standing} />
        </p>
        {full && full.credential_name !== `${summary.display_name} API Key` ? (
          <p class="row-sub">{full.credential_name}</p>
        ) : null}
        {wrong ? (
          <p class="row-wrong">
            {wrong.what} {wrong.remedy ? <span class="row-remedy">{wrong.remedy}</span> : null}
          </p>
        ) : null}
      </div>
      {full ? (
        <dl class="row-facts">
          <div>
            <dt>Pipelines</dt>
            <dd>{readyText(full.pipelines)}</dd>
          </div>
          <div>
            <dt>Last success</dt>
            <dd>
              <Moment at={full.last_validated_at} />
            </dd>
          </div>
          {full.last_checked_at !== full.last_validated_at ? (
            <div>
              <dt>Last attempt</dt>
              <dd>
                <Moment at={full.last_checked_at} />
              </dd>
            </div>
          ) : null}
          {full.expires_at ? (
            <div class={daysUntil(full.expires_at, Date.now()) <= 30 ? "soon" : ""}>
              <dt>Expires</dt>
              <dd>
                <Moment at={full.expires_at} />
              </dd>
            </div>
          ) : null}
        </dl>
      ) : null}
      <Icon name="right" />
    </li>
  );
}

function readyText(pipelines: ReadonlyArray<{ ready: boolean | "unknown" }>): string {
  const ready = pipelines.filter((one) => one.ready === true).length;
  if (pipelines.length === 0) return "none";
  if (ready === pipelines.length) return pipelines.length === 1 ? "ready" : `all ${ready} ready`;
  if (pipelines.every((one) => one.ready === "unknown")) return "not known yet";
  if (pipelines.length === 1) return "not ready";
  return ready === 0 ? "none ready" : `${ready} of ${pipelines.length} ready`;
}
