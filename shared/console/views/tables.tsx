import type { TableReport } from "../../contract/verdict.ts";
import { Badge } from "../parts/badge.tsx";
import { Moment } from "../parts/moment.tsx";
import { spoken } from "../words.ts";

/** The tables of a billing export, as the last check has seen them. */
export function Tables({ tables }: { tables: readonly TableReport[] }) {
  if (tables.length === 0) return null;
  return (
    <>
      <h3>Billing export</h3>
      <ul class="exports">
        {tables.map(({ setting, table, kind, state, last_export_at: at, location }) => (
          <li key={`${setting} ${table}`}>
            <p>
              <strong>{spoken(kind)}</strong>{" "}
              <Badge label={spoken(state)} tone={state === "ok" ? "good" : state === "unknown" ? "info" : "warn"} />
            </p>
            <code>{table}</code>
            <p class="row-sub">
              {location ? `${location} · ` : ""}last rows <Moment at={at} none="not seen" />
              {setting === "discovered" ? " · found, not chosen: name it under Edit to use it" : ""}
            </p>
          </li>
        ))}
      </ul>
    </>
  );
}
