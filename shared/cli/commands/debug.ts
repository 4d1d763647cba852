import { orgArgument, providerArgument } from "../arguments.ts";
import { type Backend, onBackend } from "../backend.ts";
import type { Command } from "../command.ts";
import type { Collected, Looked } from "../debug/collect.ts";
import { type Finding, findingsOf, isOlder, sinceText } from "../debug/findings.ts";
import { nearest } from "../nearest.ts";
import { type Cell, moment, pairs, statusCell, table } from "../show.ts";
import { exits, Stop, usage } from "../stop.ts";
import { plain, type Terminal } from "../terminal.ts";
import { stateCell, stateOf } from "./org-key.ts";

export const runDebug: Command = {
  name: "debug",
  group: "operations",
  summary: "One screen: what is wrong with an organisation, since when, why, what to do",
  arguments: [orgArgument, { ...providerArgument, optional: true, help: "Only this provider, in full" }],
  options: {},
  example: "cloudact-integrations debug acme openai",
  notes: [
    "Reads the store, the keys' ids, the grants and, on one machine, the audit log of the last seven days. Opens no",
    "credential and asks no provider. Exit code 1 where something needs a person.",
  ],
  async run(context) {
    const { given, terminal, json } = context;
    const org = given.argument("org");
    return await onBackend(
      context,
      async (backend) => {
        const { collect } = await import("../debug/collect.ts");
        const only = await codeOf(backend, org, given.optionalArgument("provider"));
        const collected = await collect(backend, org, only);
        if (only !== null && collected.looked.length + collected.corrupt.length === 0)
          throw new Stop(exits.refused, {
            message: `${org} has not configured ${only}`,
            code: "not_configured",
            remedy: `cloudact-integrations debug ${org} shows all that it has`,
          });
        const findings = findingsOf(collected);
        if (json) terminal.print(JSON.stringify(asJson(collected, findings)));
        else terminal.print(screen(terminal, collected, findings, only !== null));
        return findings.length > 0 ? exits.negative : exits.ok;
      },
      { makesHome: false },
    );
  },
};

/** The code that a provider's name stands for: of several under one, such as aws, the configured one. */
async function codeOf({ parts }: Backend, org: string, typed: string | null): Promise<string | null> {
  if (typed === null) return null;
  const name = typed.toLowerCase();
  const { registry } = parts;
  const family = registry.familyOf(name);
  if (family.length > 0) {
    const { heads } = await parts.store.readHeads(org);
    return (family.find(({ code }) => heads.some((head) => head.provider === code)) ?? family[0])?.code ?? null;
  }
  const entry = registry.byPath(name);
  if (entry) return entry.code;
  const names = registry.entries.flatMap(({ code, aliases }) => [...aliases, code.toLowerCase()]);
  const meant = nearest(name, names);
  throw usage(
    "<provider> is not in the registry",
    `${meant ? `Did you mean ${meant}? ` : ""}All of them: cloudact-integrations providers check`,
  );
}

function asJson(collected: Collected, findings: readonly Finding[]) {
  const { org, now, looked, corrupt, orgKeys, grants, primary, denied } = collected;
  const nowMs = Date.parse(now);
  return {
    ...{ org_slug: org, at: now, findings, primary_key_version: primary, unreadable: corrupt },
    integrations: looked.map(({ entry, head, lifecycle, pipelines, since, grants: reach }) => ({
      provider: entry.code,
      status: head.validation_status,
      lifecycle,
      since,
      enabled: head.enabled,
      credential_id: head.credential_id,
      fingerprint: head.fingerprint,
      key_version: head.key_version,
      validation: head.verdict && {
        outcome: head.verdict.outcome,
        code: head.verdict.code,
        reason: head.verdict.reason,
        message: head.verdict.message,
        remedy: head.verdict.remedy,
      },
      last_validated_at: head.last_validated_at,
      last_checked_at: head.last_checked_at,
      consecutive_failures: head.consecutive_failures,
      next_due_at: head.next_due_at,
      reported_at: head.reported_at,
      expires_at: head.expires_at,
      deactivation_scheduled_at: head.deactivation_scheduled_at,
      pipelines,
      grants: reach.map(({ grant_id }) => grant_id),
    })),
    org_keys: orgKeys.map((key) => ({
      ...{ key_id: key.key_id, scope: key.scope, name: key.name, state: stateOf(key, nowMs) },
      expires_at: key.expires_at,
    })),
    grants: grants.map((grant) => ({
      ...{ grant_id: grant.grant_id, subject: grant.subject, providers: grant.providers },
      ...{ state: stateOf(grant, nowMs), expires_at: grant.expires_at },
    })),
    denied_decrypts: denied,
  };
}

function screen(terminal: Terminal, collected: Collected, findings: readonly Finding[], isOne: boolean): string {
  const { org, now, looked, denied } = collected;
  const isBad = findings.some(({ state }) => state === "bad");
  const head =
    looked.length === 0 && collected.corrupt.length === 0
      ? `${org} has configured nothing`
      : findings.length === 0
        ? terminal.tone("good", `${org}: nothing is wrong`)
        : terminal.tone(
            isBad ? "bad" : "warn",
            `${org}: ${findings.length === 1 ? "one thing needs" : `${findings.length} things need`} a look`,
          );
  return [
    `${head}  ${terminal.tone("faint", moment(now))}`,
    ...findings.flatMap((finding) => ["", ...findingLines(terminal, finding, now)]),
    ...(looked.length === 0
      ? []
      : [
          "",
          isOne ? looked.map((one) => oneText(terminal, collected, one)).join("\n\n") : tableOf(terminal, collected),
        ]),
    ...callers(terminal, collected),
    ...(denied === null
      ? [
          "",
          terminal.tone(
            "faint",
            `Refused decrypts: SELECT * FROM organizations.integration_audit WHERE org_slug = '${org}' AND operation = 'decrypt' AND outcome != 'ok'`,
          ),
        ]
      : []),
  ].join("\n");
}

function findingLines(
  terminal: Terminal,
  { state, provider, what, since, why, remedy }: Finding,
  now: string,
): string[] {
  const sign = terminal.tone(state, state === "bad" ? "✗" : "!");
  const rows: Array<[string, Cell]> = [
    ["since", since === null ? "" : sinceText(since, now)],
    ["why", why ?? ""],
    ["do", remedy ?? ""],
  ];
  const told = rows.filter(([, text]) => text !== "");
  return [
    `${sign} ${provider === null ? "" : `${terminal.tone("strong", plain(provider))} `}${plain(what)}`,
    ...(told.length === 0
      ? []
      : pairs(terminal, told, 2)
          .split("\n")
          .map((line) => `  ${line}`)),
  ];
}

function tableOf(terminal: Terminal, { looked, primary }: Collected): string {
  const rows = looked.map((one): Cell[] => {
    const { entry, head, pipelines } = one;
    const ready = pipelines.filter((pipeline) => pipeline.ready === true).length;
    return [
      { text: entry.code, tone: "strong" },
      statusCell(one.lifecycle === "disabled" ? "disabled" : head.validation_status),
      moment(head.last_validated_at),
      moment(head.last_checked_at),
      head.consecutive_failures > 0 ? { text: String(head.consecutive_failures), tone: "warn" } : "0",
      moment(head.next_due_at),
      pipelines.length === 0
        ? "-"
        : { text: `${ready}/${pipelines.length}`, tone: ready === pipelines.length ? "good" : "warn" },
      moment(head.expires_at),
      keyCell(head.key_version, primary),
      String(one.grants.length),
    ];
  });
  const head = [
    "provider",
    "status",
    "last success",
    "last attempt",
    "no answer",
    "next check",
    "ready",
    "expires",
    "key",
    "grants",
  ];
  return table(terminal, head, rows);
}

function keyCell(version: string | null, primary: string | null): Cell {
  if (!isOlder(version, primary)) return version ?? "-";
  return { text: `${version} of ${primary}`, tone: "warn" };
}

function oneText(
  terminal: Terminal,
  { now, primary }: Collected,
  { entry, head, lifecycle, pipelines, since, grants }: Looked,
): string {
  const { verdict } = head;
  const when = (at: string | null) => (at === null ? "-" : sinceText(at, now));
  const rows: Array<[string, Cell]> = [
    ["provider", { text: `${entry.code} (${entry.display_name})`, tone: "strong" }],
    ["status", statusCell(head.validation_status)],
    ["lifecycle", statusCell(lifecycle)],
    ["since", when(since)],
    [
      "verdict",
      verdict === null
        ? "-"
        : [verdict.outcome, verdict.reason, verdict.code, verdict.http_status, verdict.provider_code]
            .filter((part) => part !== null)
            .join(", "),
    ],
    ["provider's request id", verdict?.provider_request_id ?? "-"],
    ["last success", when(head.last_validated_at)],
    ["last attempt", when(head.last_checked_at)],
    ["without an answer", `${head.consecutive_failures} in a row`],
    ["reported", when(head.reported_at)],
    ["next check", head.next_due_at === null ? "not until it changes or a person asks" : moment(head.next_due_at)],
    ["expires", moment(head.expires_at)],
    ["deleted", moment(head.deactivation_scheduled_at)],
    ["credential id", head.credential_id],
    ["fingerprint", head.fingerprint ?? "-"],
    ["key version", keyCell(head.key_version, primary)],
    [
      "read by",
      grants.map(({ subject, expires_at }) => `${subject} until ${moment(expires_at)}`).join(", ") || "nobody",
    ],
  ];
  const ready = pipelines.map((one): Cell[] => [
    one.id,
    one.ready === true
      ? { text: "yes", tone: "good" }
      : one.ready === false
        ? { text: "no", tone: "bad" }
        : { text: "unknown", tone: "warn" },
    one.missing.join(", ") || "-",
  ]);
  return [
    pairs(terminal, rows),
    ...(ready.length > 0 ? ["", table(terminal, ["pipeline", "ready", "missing"], ready)] : []),
  ].join("\n");
}

function callers(terminal: Terminal, { orgKeys, grants, now }: Collected): string[] {
  const nowMs = Date.parse(now);
  const ids = orgKeys
    .filter((key) => stateOf(key, nowMs) === "live")
    .map((key): Cell[] => [key.key_id, key.scope, stateCell("live"), key.name ?? "-", moment(key.expires_at)]);
  const reach = grants
    .filter((grant) => stateOf(grant, nowMs) === "live")
    .map((grant): Cell[] => [
      grant.grant_id,
      grant.subject,
      stateCell("live"),
      grant.providers.join(","),
      moment(grant.expires_at),
    ]);
  return [
    ...(ids.length > 0 ? ["", table(terminal, ["organisation key", "scope", "state", "name", "expires"], ids)] : []),
    ...(reach.length > 0 ? ["", table(terminal, ["grant", "pipeline", "state", "providers", "expires"], reach)] : []),
  ];
}
