import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "../../contract/fault.ts";
import type { Grant, Head, OrgKey } from "../../contract/rows.ts";
import { capabilitiesOf, isConfigured, lifecycle, pipelinesOf } from "../../operations/present.ts";
import { primaryVersion } from "../../operations/rewrap.ts";
import { asShown } from "../../operations/shown.ts";
import { timestamp } from "../../ports/clock.ts";
import type { HistoryItem } from "../../ports/credential-store.ts";
import type { Entry } from "../../registry/entry.ts";
import type { Backend } from "../backend.ts";

/** How much of the end of the audit log is looked through, and how far back. */
const AUDIT_BYTES = 8 * 1024 * 1024;
const AUDIT_DAYS = 7;
const DAY_MS = 86_400_000;

/** One configured integration as it stands. */
export interface Looked {
  entry: Entry;
  head: Head;
  lifecycle: ReturnType<typeof lifecycle>;
  pipelines: ReturnType<typeof pipelinesOf>;
  capabilities: ReturnType<typeof capabilitiesOf>;
  /** Since when it has the status that it has; `null` where the history does not reach there. */
  since: string | null;
  /** Live grants that reach it. */
  grants: Grant[];
}

/** Decrypts that were refused to one caller for one reason. */
export interface Denied {
  subject: string;
  provider: string | null;
  reason: string;
  count: number;
  last_at: string;
}

export interface Collected {
  org: string;
  now: string;
  looked: Looked[];
  /** Providers whose row cannot be read. */
  corrupt: string[];
  orgKeys: OrgKey[];
  grants: Grant[];
  /** The newest key version; `null` where this identity cannot seal. */
  primary: string | null;
  /** `null` where the audit log is not on this machine. */
  denied: Denied[] | null;
}

/** Reads everything about an organisation, or about one of its providers. @throws Fault `store_unavailable` */
export async function collect({ parts }: Backend, org: string, only: string | null): Promise<Collected> {
  const { store, registry, clock, environment } = parts;
  const nowMs = clock.now();
  const now = timestamp(nowMs);
  const [{ heads, corrupt }, orgKeys, grants, primary] = await Promise.all([
    store.readHeads(org),
    parts.orgKeys.listKeys(org),
    parts.grants.listGrants(org),
    primaryVersion(parts).catch((error: unknown) => {
      if (error instanceof Fault) return null;
      throw error;
    }),
  ]);
  const live = grants.filter((grant) => grant.revoked_at === null && grant.expires_at > now);
  const configured = heads.filter((head) => isConfigured(head, now) && (only === null || head.provider === only));
  const looked: Looked[] = [];
  for (const stored of configured) {
    const entry = registry.byCode(stored.provider);
    if (!entry) continue;
    const head = asShown(entry, stored, now);
    const isTelling = only !== null || head.validation_status !== "VALID";
    const { items } = isTelling
      ? await store.readHistory({ org_slug: org, provider: head.provider }, { limit: 200, before: null })
      : { items: [] };
    looked.push({
      entry,
      head,
      lifecycle: lifecycle(head),
      pipelines: pipelinesOf(entry, head.verdict),
      capabilities: capabilitiesOf(entry, head.verdict),
      since: sinceIn(items, head),
      grants: live.filter(({ providers }) => providers.includes("*") || providers.includes(entry.code)),
    });
  }
  return {
    ...{ org, now, looked, orgKeys, grants, primary },
    corrupt: corrupt.filter((code) => only === null || code === only),
    denied: environment.cloud === null ? deniedIn(join(environment.home, "audit.jsonl"), org, only, nowMs) : null,
  };
}

/** The oldest of the newest lines that all have the status that it has now. */
function sinceIn(items: readonly HistoryItem[], head: Head): string | null {
  let since: string | null = null;
  for (const item of items) {
    if (item.status === null) continue;
    if (item.credential_id !== head.credential_id || item.status !== head.validation_status) break;
    since = item.at;
  }
  return since;
}

/** Refused decrypts of the last days, by caller, provider and reason, the newest first. */
function deniedIn(file: string, org: string, only: string | null, nowMs: number): Denied[] {
  const from = timestamp(nowMs - AUDIT_DAYS * DAY_MS);
  const found = new Map<string, Denied>();
  for (const line of endOf(file).split("\n")) {
    const record = parse(line);
    if (record === null || record["org_slug"] !== org || record["operation"] !== "decrypt") continue;
    const [time, reason, subject, provider] = [
      record["time"],
      record["reason_code"],
      record["actor_id"],
      record["provider"],
    ];
    if (typeof time !== "string" || time < from || typeof reason !== "string") continue;
    const code = typeof provider === "string" ? provider : null;
    if (only !== null && code !== null && code !== only) continue;
    const who = typeof subject === "string" ? subject : "nobody recognised";
    const key = JSON.stringify([who, code, reason]);
    const before = found.get(key)?.count ?? 0;
    found.set(key, { subject: who, provider: code, reason, count: before + 1, last_at: time });
  }
  return [...found.values()].sort((one, other) => (one.last_at < other.last_at ? 1 : -1));
}

function parse(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? { ...value } : null;
  } catch {
    return null;
  }
}

function endOf(file: string): string {
  let handle: number;
  try {
    handle = openSync(file, "r");
  } catch {
    return "";
  }
  try {
    const { size } = fstatSync(handle);
    const bytes = Buffer.alloc(Math.min(size, AUDIT_BYTES));
    readSync(handle, bytes, 0, bytes.length, size - bytes.length);
    return bytes.toString("utf8");
  } finally {
    closeSync(handle);
  }
}
