import { randomUUID } from "node:crypto";
import { isOrgSlug, LOCAL_SUBJECT, UUID } from "../../contract/names.ts";
import type { Grant } from "../../contract/rows.ts";
import { timestamp } from "../../ports/clock.ts";
import type { Registry } from "../../registry/load.ts";
import { audited, onBackend } from "../backend.ts";
import type { Command } from "../command.ts";
import { readMoment } from "../moments.ts";
import { nearest } from "../nearest.ts";
import { type Cell, moment, table } from "../show.ts";
import { exits, Stop, usage } from "../stop.ts";
import { stateCell, stateOf } from "./org-key.ts";

const DEFAULT_LIFE = "90d";
const MOST_ORGS = 1_000;

/** Whether the text is a pipeline's name. */
export const subjectCheck = (text: string): string | null =>
  LOCAL_SUBJECT.test(text) ? null : "must be 1-64 characters of A-Z, a-z, 0-9, and . _ @ -";

const orgsCheck = (text: string): string | null =>
  text.split(",").every(isOrgSlug) ? null : "must be organisations in lower case, separated by commas";

export const createGrant: Command = {
  name: "grant create",
  group: "access",
  summary: "Let a pipeline read credentials; the grant's id alone goes to stdout",
  arguments: [],
  options: {
    subject: { value: "<sub>", help: "The pipeline: sub of its identity token", required: true, check: subjectCheck },
    org: { value: "<org,…>", help: "Organisations; may be repeated", required: true, many: true, check: orgsCheck },
    provider: { value: "<code|*>", help: "Providers, or '*' for all; may be repeated", required: true, many: true },
    expires: { value: "<90d|date>", help: `When it ends; ${DEFAULT_LIFE} where left out` },
  },
  example: "cloudact-integrations grant create --subject cost-pipeline --org acme --provider '*'",
  async run(context) {
    const { given, terminal, json } = context;
    return await onBackend(context, async (backend) => {
      const { parts, operator } = backend;
      const now = parts.clock.now();
      const orgs = [...new Set(given.texts("org").flatMap((text) => text.split(",")))];
      if (orgs.length > MOST_ORGS) throw usage(`--org takes at most ${MOST_ORGS} organisations a grant`);
      const row: Grant = {
        grant_id: randomUUID(),
        subject: given.text("subject") ?? "",
        org_slugs: orgs,
        providers: readProviders(given.texts("provider"), parts.registry),
        created_at: timestamp(now),
        created_by: `operator:${operator}`,
        expires_at: readMoment("expires", given.text("expires") ?? DEFAULT_LIFE, now),
        revoked_at: null,
        revoked_by: null,
      };
      const act = { operation: "grant.create", orgs, provider: onlyOf(row.providers), target: row.grant_id };
      await audited(backend, act, () => parts.grants.addGrant(row));
      terminal.print(json ? JSON.stringify({ ...row, state: stateOf(row, now) }) : row.grant_id);
      terminal.note(
        `${row.subject} may decrypt ${row.providers.join(", ")} of ${orgs.join(", ")} until ${moment(row.expires_at)}`,
      );
      return exits.ok;
    });
  },
};

export const listGrants: Command = {
  name: "grant list",
  group: "access",
  summary: "Which pipelines may read which credentials",
  arguments: [],
  options: {
    org: {
      value: "<org>",
      help: "Only what reaches this organisation",
      check: (text) => (isOrgSlug(text) ? null : "must be an organisation in lower case"),
    },
  },
  example: "cloudact-integrations grant list --org acme",
  async run(context) {
    const { given, terminal, json } = context;
    return await onBackend(context, async ({ parts }) => {
      const now = parts.clock.now();
      const found = await parts.grants.listGrants(given.text("org"));
      const grants = found.map((grant) => ({ ...grant, state: stateOf(grant, now) }));
      if (json) terminal.print(JSON.stringify({ items: grants }));
      else if (grants.length === 0) terminal.note("There is no grant");
      else
        terminal.print(
          table(
            terminal,
            ["grant id", "subject", "organisations", "providers", "state", "by", "expires"],
            grants.map((grant): Cell[] => [
              grant.grant_id,
              grant.subject,
              grant.org_slugs.join(","),
              grant.providers.join(","),
              stateCell(grant.state),
              grant.created_by,
              moment(grant.expires_at),
            ]),
          ),
        );
      return exits.ok;
    });
  },
};

export const revokeGrant: Command = {
  name: "grant revoke",
  group: "access",
  summary: "End a grant; within a minute it is refused everywhere",
  arguments: [
    {
      name: "grant_id",
      help: "The id that grant list shows",
      check: (text) => (UUID.test(text) ? null : "must be a grant's id, a UUID"),
    },
  ],
  options: {},
  example: "cloudact-integrations grant revoke 6c1d4f0e-6d1f-4f5e-9a55-0d7a9a1f2b3c",
  async run(context) {
    const { given, terminal, json } = context;
    const grantId = given.argument("grant_id");
    return await onBackend(context, async (backend) => {
      const { parts, operator } = backend;
      const find = async () => (await parts.grants.listGrants(null)).find((grant) => grant.grant_id === grantId);
      const found = await find();
      const act = {
        operation: "grant.revoke",
        orgs: found?.org_slugs ?? [],
        provider: onlyOf(found?.providers ?? []),
        target: grantId,
      };
      const revokedAt = await audited(backend, act, async () => {
        if (!found) throw new Stop(exits.refused, { message: "There is no such grant", code: "grant_unknown" });
        const at = timestamp(parts.clock.now());
        const revoked = await parts.grants.revokeGrant(grantId, at, `operator:${operator}`);
        return revoked ? at : ((await find())?.revoked_at ?? at);
      });
      if (json) terminal.print(JSON.stringify({ grant_id: grantId, subject: found?.subject, revoked_at: revokedAt }));
      else terminal.print(`Grant ${grantId} of ${found?.subject} is revoked since ${moment(revokedAt)}`);
      return exits.ok;
    });
  },
};

/** Codes for what was typed: `*`, codes in any case, aliases. @throws Stop usage */
function readProviders(texts: readonly string[], registry: Registry): string[] {
  const names = texts.flatMap((text) => text.split(","));
  if (names.includes("*")) {
    if (names.length > 1) throw usage("--provider '*' stands alone: it means all of them");
    return ["*"];
  }
  const codes = names.map((name) => {
    const entry = registry.byPath(name.toLowerCase());
    if (entry) return entry.code;
    const meant = nearest(
      name,
      registry.entries.map(({ code }) => code),
    );
    throw usage(
      "--provider names a provider that is not in the registry",
      `${meant ? `Did you mean ${meant}? ` : ""}All of them: cloudact-integrations providers check`,
    );
  });
  return [...new Set(codes)];
}

function onlyOf(providers: readonly string[]): string | null {
  return providers.length === 1 ? (providers[0] ?? null) : null;
}
