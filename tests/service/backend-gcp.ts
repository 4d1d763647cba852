import type { JWK } from "jose";
import { GOOGLE_ISSUER } from "../platform/certificates.ts";
import { type Platform, startPlatform } from "../platform/start.ts";
import type { TestBackend } from "./backend.ts";

let homes = 0;

/** A backend of simulators, with rights enforced. */
export async function onGoogleCloud(): Promise<TestBackend> {
  const platform: Platform = await startPlatform({ enforce: true });
  const env = (target = "operator") => platform.env(target);
  // This process opens the same backend, and Google's clients look for their identity here.
  Object.assign(process.env, {
    GCE_METADATA_HOST: env()["GCE_METADATA_HOST"],
    METADATA_SERVER_DETECTION: "assume-present",
  });
  homes += 1;
  return {
    name: "gcp",
    platform,
    home: `platform-${homes}`,
    env,
    audit: (stdout) =>
      stdout
        .split("\n")
        .filter((line) => line.startsWith("{"))
        .map((line) => JSON.parse(line))
        .filter((line) => line.message === "audit")
        // What is null in a record is absent in its line.
        .map((line) => ({ actor_id: null, org_slug: null, provider: null, ...line.audit }))
        // One process's after another's, as they come.
        .sort((left, right) => String(left.time).localeCompare(String(right.time))),
    token: (subject, nowMs, audience) => {
      const iat = Math.floor(nowMs / 1_000);
      return platform.issue(subject, { iat, exp: iat + 3_600, ...(audience === undefined ? {} : { aud: audience }) });
    },
    signer: {
      issuer: GOOGLE_ISSUER,
      sign: (claims) => platform.certificates.sign(claims),
      publicJwk: async () => {
        const response = await fetch(platform.certificates.url);
        const { keys }: { keys: Array<JWK & { kid: string }> } = (await response.json()) as never;
        const newest = keys.find(({ kid }) => kid === platform.certificates.keyId());
        if (!newest) throw new Error("the newest key is not published");
        return newest;
      },
    },
    spoil: async ({ org_slug, provider }, columns) => {
      const kinds: Record<string, (value: string) => string> = {
        metadata: (value) => `PARSE_JSON('${JSON.stringify(value)}')`,
        deactivation_scheduled_at: (value) => `TIMESTAMP '${value}'`,
      };
      const set = Object.entries(columns).map(
        ([name, value]) => `${name} = ${(kinds[name] ?? ((text) => `'${text}'`))(value)}`,
      );
      await platform.bigquery.admin(
        `UPDATE \`integrations.heads\` SET ${set.join(", ")} WHERE org_slug = '${org_slug}'${provider === undefined ? "" : ` AND provider = '${provider}'`}`,
      );
    },
    rows: (table, { org_slug, provider }) =>
      platform.bigquery.admin(
        `SELECT * FROM \`integrations.${table}\` WHERE org_slug = '${org_slug}' AND provider = '${provider}'`,
      ),
    atRest: async () => {
      const tables = ["heads", "versions", "validations", "org_keys", "decrypt_grants"];
      const read = async (table: string) =>
        [
          table,
          Buffer.from(JSON.stringify(await platform.bigquery.admin(`SELECT * FROM \`integrations.${table}\``))),
        ] as const;
      const statements = Buffer.from(JSON.stringify(platform.bigquery.statements()));
      return new Map([...(await Promise.all(tables.map(read))), ["statements", statements] as const]);
    },
    close: () => platform.close(),
  };
}
