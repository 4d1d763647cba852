import type { OrgKey, Scope } from "../../contract/rows.ts";
import { timestamp } from "../../ports/clock.ts";
import { hashOrgKey, mintOrgKey } from "../../vault/org-key.ts";
import { orgArgument } from "../arguments.ts";
import { audited, onBackend } from "../backend.ts";
import type { Command } from "../command.ts";
import { readMoment } from "../moments.ts";
import { type Cell, moment, table } from "../show.ts";
import { exits, Stop } from "../stop.ts";

/** A label, as the contract takes it. */
const label = (text: string): string | null =>
  text.length <= 100 && !/[\p{Cc}\p{Cf}\u2028\u2029]/u.test(text)
    ? null
    : "must be 1-100 characters without control characters";

export const createOrgKey: Command = {
  name: "org-key create",
  group: "access",
  summary: "Make an organisation's API key; it alone goes to stdout, once",
  arguments: [orgArgument],
  options: {
    scope: { value: "manage|read", help: "What it may do", required: true, choices: ["manage", "read"] },
    name: { value: "<text>", help: "A label, for the list", check: label },
    expires: { value: "<90d|date>", help: "When it ends; never, where left out" },
  },
  example: "KEY=$(cloudact-integrations org-key create acme --scope manage)",
  async run(context) {
    const { given, terminal, json } = context;
    const org = given.argument("org");
    const scope: Scope = given.text("scope") === "manage" ? "manage" : "read";
    const expires = given.text("expires");
    return await onBackend(context, async (backend) => {
      const { parts, operator } = backend;
      const now = parts.clock.now();
      const expiresAt = expires === null ? null : readMoment("expires", expires, now);
      const { key, keyId } = mintOrgKey(parts.keyEnvironment);
      const [pepper] = await parts.secrets.peppers();
      const row: OrgKey = {
        key_id: keyId,
        org_slug: org,
        environment: parts.keyEnvironment,
        scope,
        name: given.text("name"),
        key_hmac: hashOrgKey(pepper.bytes, key.reveal()),
        pepper_version: pepper.version,
        legacy: false,
        created_at: timestamp(now),
        created_by: `operator:${operator}`,
        expires_at: expiresAt,
        revoked_at: null,
        revoked_by: null,
      };
      await audited(backend, { operation: "org_key.create", orgs: [org], target: keyId }, () =>
        parts.orgKeys.addKey(row),
      );
      if (json) terminal.print(JSON.stringify({ ...shown(row, now), key: key.reveal() }));
      else terminal.print(key.reveal());
      terminal.note(
        `Key ${keyId} of ${org}, scope ${scope}, ${expiresAt ? `until ${moment(expiresAt)}` : "without an end"}. It is not shown again.`,
      );
      return exits.ok;
    });
  },
};

export const listOrgKeys: Command = {
  name: "org-key list",
  group: "access",
  summary: "An organisation's API keys, never the keys themselves",
  arguments: [orgArgument],
  options: {},
  example: "cloudact-integrations org-key list acme",
  async run(context) {
    const { given, terminal, json } = context;
    return await onBackend(context, async ({ parts }) => {
      const now = parts.clock.now();
      const keys = (await parts.orgKeys.listKeys(given.argument("org"))).map((key) => shown(key, now));
      if (json) terminal.print(JSON.stringify({ items: keys }));
      else if (keys.length === 0) terminal.note(`${given.argument("org")} has no API key`);
      else
        terminal.print(
          table(
            terminal,
            ["key id", "scope", "state", "name", "created", "by", "expires"],
            keys.map((key): Cell[] => [
              key.key_id,
              key.scope,
              stateCell(key.state),
              key.name ?? "-",
              moment(key.created_at),
              key.created_by,
              moment(key.expires_at),
            ]),
          ),
        );
      return exits.ok;
    });
  },
};

export const revokeOrgKey: Command = {
  name: "org-key revoke",
  group: "access",
  summary: "End an API key; within a minute it is refused everywhere",
  arguments: [
    {
      name: "key_id",
      help: "The 12 characters that org-key list shows",
      check: (text) => (/^[0-9A-Za-z]{12}$/.test(text) ? null : "must be the 12 letters and digits of a key id"),
    },
  ],
  options: {},
  example: "cloudact-integrations org-key revoke 0Ab1Cd2Ef3Gh",
  async run(context) {
    const { given, terminal, json } = context;
    const keyId = given.argument("key_id");
    return await onBackend(context, async (backend) => {
      const { parts, operator } = backend;
      const found = await parts.orgKeys.findKey(keyId);
      const orgs = found === null ? [] : [found.org_slug];
      const revokedAt = await audited(backend, { operation: "org_key.revoke", orgs, target: keyId }, async () => {
        if (found === null) throw new Stop(exits.refused, { message: "There is no such key", code: "org_key_unknown" });
        const at = timestamp(parts.clock.now());
        const revoked = await parts.orgKeys.revokeKey(keyId, at, `operator:${operator}`);
        return revoked ? at : ((await parts.orgKeys.findKey(keyId))?.revoked_at ?? at);
      });
      if (json) terminal.print(JSON.stringify({ key_id: keyId, org_slug: orgs[0], revoked_at: revokedAt }));
      else terminal.print(`Key ${keyId} of ${orgs[0]} is revoked since ${moment(revokedAt)}`);
      return exits.ok;
    });
  },
};

/** Live, revoked or expired. */
export function stateOf(row: { revoked_at: string | null; expires_at: string | null }, nowMs: number): string {
  if (row.revoked_at !== null) return "revoked";
  return row.expires_at !== null && row.expires_at <= timestamp(nowMs) ? "expired" : "live";
}

/** A state in its colour. */
export function stateCell(state: string): Cell {
  return { text: state, tone: state === "live" ? "good" : "faint" };
}

function shown({ key_hmac: _, ...row }: OrgKey, nowMs: number) {
  return { ...row, state: stateOf(row, nowMs) };
}
