import type { IntegrationSummary } from "../../client/answers.ts";
import { useDesk } from "../context.ts";
import { type Cost, costText, monthlyCost, totals } from "../money.ts";
import { Badge } from "../parts/badge.tsx";
import { Link } from "../parts/link.tsx";
import { Tile } from "../parts/tile.tsx";
import { segmentOf } from "../registry.ts";
import { day, daysUntil } from "../time.ts";
import { standingOf } from "../words.ts";

/** Subscriptions with what each costs, and all of them by currency: nothing is converted. */
export function Subscriptions({ rows }: { rows: readonly IntegrationSummary[] }) {
  const { store } = useDesk();
  const records = rows.map((summary) => {
    const info = store.details.get(summary.provider)?.info ?? null;
    const runs = summary.lifecycle !== "disabled" && summary.lifecycle !== "expired";
    return { summary, info, runs, cost: info === null ? null : monthlyCost(info.metadata) };
  });
  const sums = totals(records.flatMap(({ cost, runs }) => (cost !== null && runs ? [cost] : [])));
  return (
    <div class="table-wrap">
      <table class="subscriptions">
        <thead>
          <tr>
            <th scope="col">Subscription</th>
            <th scope="col">Per month</th>
            <th scope="col">Per year</th>
            <th scope="col">Renews</th>
            <th scope="col">Cancel by</th>
          </tr>
        </thead>
        <tbody>
          {records.map(({ summary, info, cost }) => (
            <tr key={summary.provider}>
              <th scope="row">
                <span class="cell-name">
                  <Tile name={summary.display_name} />
                  <span>
                    <Link to={{ view: "provider", segment: segmentOf(store.providers, summary) }} section="saas">
                      {summary.display_name}
                    </Link>
                    <span class="row-sub">{planText(info?.metadata ?? {})}</span>
                  </span>
                  {standingOf(summary).tone === "good" ? null : <Badge {...standingOf(summary)} />}
                </span>
              </th>
              <td data-label="Per month">{info === null ? <span class="bone" /> : amount(cost, 1)}</td>
              <td data-label="Per year">{info === null ? <span class="bone" /> : amount(cost, 12)}</td>
              <td data-label="Renews">{date(info?.validation.details?.next_renewal_date)}</td>
              <td data-label="Cancel by">{date(info?.validation.details?.cancellation_deadline)}</td>
            </tr>
          ))}
        </tbody>
        {sums.length > 0 ? (
          <tfoot>
            {sums.map((sum) => (
              <tr key={sum.currency}>
                <th scope="row">Total in {sum.currency}</th>
                <td data-label="Per month">{amount(sum, 1)}</td>
                <td data-label="Per year">{amount(sum, 12)}</td>
                <td />
                <td />
              </tr>
            ))}
          </tfoot>
        ) : null}
      </table>
    </div>
  );
}

function amount(cost: Cost | null, months: 1 | 12): string {
  if (cost === null) return "not known";
  return `${cost.isLeast ? "from " : ""}${costText(cost, months)}`;
}

function date(at: string | undefined) {
  if (at === undefined) return "–";
  const left = daysUntil(at, Date.now());
  return (
    <span class={left >= 0 && left <= 30 ? "soon" : ""}>
      {day(at)}
      {left <= 30 ? (
        <span class="row-sub">
          {left < 0 ? "has passed" : left === 0 ? "today" : `in ${left} ${left === 1 ? "day" : "days"}`}
        </span>
      ) : null}
    </span>
  );
}

function planText({ plan, seats, billing_cycle: cycle }: Readonly<Record<string, unknown>>): string {
  const words = [plan, typeof seats === "number" ? `${seats} ${seats === 1 ? "seat" : "seats"}` : null, cycle];
  return words.filter((word) => typeof word === "string" && word !== "").join(" · ");
}
