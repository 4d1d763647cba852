import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { importJWK, SignJWT } from "jose";
import { expect, test } from "vitest";
import { openKeyRing } from "../../../shared/adapters/local/key-ring.ts";
import { openLocalFederation } from "../../../shared/adapters/local/local-federation.ts";
import { LOCAL_ISSUER, openTokenIssuer, openTokenVerifier } from "../../../shared/adapters/local/local-tokens.ts";
import { openSqliteStore } from "../../../shared/adapters/local/sqlite-store.ts";
import { describeCredentialStore } from "../../ports/credential-store.contract.ts";
import { describeFederation } from "../../ports/federation.contract.ts";
import { describeGrants } from "../../ports/grants.contract.ts";
import { describeKeyManagement } from "../../ports/key-management.contract.ts";
import { manualClock } from "../../ports/manual-clock.ts";
import { describeOrgKeys } from "../../ports/org-keys.contract.ts";
import { describeTokens } from "../../ports/tokens.contract.ts";
import { freshHome, schemasFolder } from "./fresh-home.ts";

function closing(store: { close(): void }, remove: () => void): void {
  store.close();
  remove();
}

describeCredentialStore("the SQLite store", async () => {
  const { home, remove } = freshHome();
  const file = join(home, "store.db");
  const clients = [openSqliteStore({ file, schemasFolder }), openSqliteStore({ file, schemasFolder })] as const;
  const behind = new DatabaseSync(file, { timeout: 5_000 });
  return {
    clients,
    async headRows({ org_slug, provider }) {
      const rows = behind
        .prepare("SELECT seq, event_id FROM heads WHERE org_slug = ? AND provider = ? ORDER BY seq")
        .all(org_slug, provider);
      return rows.map((row) => ({ seq: Number(row["seq"]), event_id: String(row["event_id"]) }));
    },
    async sealedEvents({ org_slug, provider }) {
      const sql =
        "SELECT event_id FROM versions WHERE org_slug = ? AND provider = ? AND encrypted_credential IS NOT NULL";
      return behind
        .prepare(sql)
        .all(org_slug, provider)
        .map((row) => String(row["event_id"]));
    },
    async dispose() {
      for (const client of clients) client.close();
      behind.close();
      remove();
    },
  };
});

describeOrgKeys("the SQLite store", async () => {
  const { home, remove } = freshHome();
  const store = openSqliteStore({ file: join(home, "store.db"), schemasFolder });
  return { keys: store, dispose: async () => closing(store, remove) };
});

describeGrants("the SQLite store", async () => {
  const { home, remove } = freshHome();
  const store = openSqliteStore({ file: join(home, "store.db"), schemasFolder });
  return { grants: store, dispose: async () => closing(store, remove) };
});

describeKeyManagement("the local key ring", async () => {
  const { home, remove } = freshHome();
  const ring = openKeyRing(join(home, "key-ring.json"));
  return {
    key: ring,
    rotate: async () => void ring.rotate(),
    disable: async (version) => ring.disable(version),
    destroy: async (version) => ring.destroy(version),
    dispose: async () => remove(),
  };
});

describeTokens("the local token verifier", async () => {
  const { home, remove } = freshHome();
  const clock = manualClock();
  await openTokenIssuer(home, { clock }).issue("first");
  const jwks: { keys: [{ kid: string }] } = JSON.parse(readFileSync(join(home, "jwks.json"), "utf8"));
  const key = await importJWK(JSON.parse(readFileSync(join(home, "token-key.json"), "utf8")), "RS256");
  const kid = jwks.keys[0].kid;
  return {
    verifier: openTokenVerifier(home, { clock }),
    issuer: LOCAL_ISSUER,
    audience: "cloudact-integrations-decrypt",
    subject: "pipeline@x",
    clock,
    sign: (claims) => new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid }).sign(key),
    keyId: async () => kid,
    dispose: async () => remove(),
  };
});

describeFederation("the local identity", async () => {
  const { home, remove } = freshHome();
  const clock = manualClock();
  return { federation: openLocalFederation(home, clock), clock, dispose: async () => remove() };
});

test("a token for AWS opens nothing here: the verifier wants its own audience", async () => {
  const { home, remove } = freshHome();
  const clock = manualClock();
  const token = await openLocalFederation(home, clock).identityToken("cloudact-integrations:local:acme");
  expect(await openTokenVerifier(home, { clock }).verify(token)).toEqual({ refused: "audience" });
  remove();
});
