import type { ComponentChildren } from "preact";
import type { IntegrationInfo } from "../../client/answers.ts";
import { costText, monthlyCost } from "../money.ts";
import { Copy } from "../parts/copy.tsx";
import { Moment } from "../parts/moment.tsx";
import type { Face } from "../registry.ts";
import { day } from "../time.ts";
import { spoken } from "../words.ts";

/** What is stored of an integration besides its secret. */
export function Facts({ face, info }: { face: Face; info: IntegrationInfo }) {
  const labelOf = (name: string) =>
    [...face.metadata, ...face.fields].find((one) => one.name === name)?.label ?? spoken(name);
  const settings = Object.entries(info.metadata).filter(([, value]) => value !== null);
  const cost = info.category === "saas" ? monthlyCost(info.metadata) : null;
  const { details } = info.validation;
  return (
    <section class="card facts" aria-labelledby="facts">
      <h2 id="facts">Facts</h2>
      <dl>
        {cost ? (
          <>
            <Fact label="Per month">{`${cost.isLeast ? "from " : ""}${costText(cost, 1)}`}</Fact>
            <Fact label="Per year">{`${cost.isLeast ? "from " : ""}${costText(cost, 12)}`}</Fact>
          </>
        ) : null}
        {details?.next_renewal_date ? <Fact label="Next renewal">{day(details.next_renewal_date)}</Fact> : null}
        {details?.cancellation_deadline ? <Fact label="Cancel by">{day(details.cancellation_deadline)}</Fact> : null}
        {details?.account ? <Fact label="Account">{details.account}</Fact> : null}
        {details?.models === undefined ? null : <Fact label="Models">{String(details.models)}</Fact>}
        {details?.tier ? <Fact label="Tier">{details.tier}</Fact> : null}
        {settings.map(([name, value]) => (
          <Fact key={name} label={labelOf(name)}>
            {shown(value)}
          </Fact>
        ))}
        {info.fingerprint ? (
          <Fact label="Fingerprint">
            <code title="The first 8 characters of the secret’s SHA-256">{info.fingerprint}</code>
          </Fact>
        ) : null}
        {info.key_version ? <Fact label="Encrypted with">{`key version ${info.key_version}`}</Fact> : null}
        <Fact label="Kind">
          {info.credential_type === "none" ? "Record, without a secret" : spoken(info.credential_type)}
        </Fact>
        <Fact label="Connected">
          <Moment at={info.created_at} />
        </Fact>
        <Fact label="Changed">
          <Moment at={info.updated_at} />
        </Fact>
        <Fact label="By">
          <code>{info.created_by}</code>
        </Fact>
        <Fact label="Credential id">
          <span class="copied">
            <code>{info.credential_id}</code>
            <Copy text={info.credential_id} what="credential id" short />
          </span>
        </Fact>
      </dl>
    </section>
  );
}

function Fact({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return `${value.length} ${value.length === 1 ? "entry" : "entries"}`;
  if (typeof value === "boolean") return value ? "Yes" : "No";
  const text = String(value);
  return /^\d{4}-\d{2}-\d{2}$/.test(text) ? day(text) : text;
}
