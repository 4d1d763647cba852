import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isConfigured } from "../../shared/operations/present.ts";
import { type Shown, startViews, type ViewBench } from "./bench.ts";
import { type Life, liveThrough, openLife, type Sample } from "./life.ts";

/*
 * Whatever may happen, in whatever order, by the service's own operations: what the views show is what the service
 * itself says and said.
 */

const orgs = ["acme", "globex", "initech"];
let views: ViewBench;
beforeAll(async () => {
  views = await startViews();
});
afterAll(() => views.close());

describe.each([1, 2, 3])("history %i", (seed) => {
  let life: Life;
  let samples: Sample[];
  beforeAll(async () => {
    life = openLife();
    samples = await liveThrough(life, { seed, orgs, steps: 120 });
    await views.show(life.rows(), life.now());
  }, 120_000);
  afterAll(() => life.close());

  test("integration_history holds the lines of GET history, each with its request", async () => {
    for (const org of orgs) {
      const { items } = await life.bench.real.readHistory(
        { org_slug: org, provider: "FAKE" },
        { limit: 1000, before: null },
      );
      const shown = await views.select(
        `SELECT * FROM organizations.integration_history WHERE org_slug = '${org}' ORDER BY happened_at, type = 'check', seq`,
      );
      expect(items.length).toBeGreaterThan(10);
      const lines = shown.map(({ type, happened_at: at, credential_id, status, key_version, fingerprint, actor }) => ({
        type,
        at: new Date(String(at)).toISOString(),
        credential_id,
        status,
        key_version,
        fingerprint,
        actor,
      }));
      expect(lines).toEqual(items.toReversed());
      expect(shown.filter((row) => (row["type"] === "check") === (row["request_id"] === null))).toHaveLength(
        shown.length,
      );
    }
  });

  test("integration_status_at says of each time what the service said then", async () => {
    for (const org of orgs) {
      const shown = await views.select(
        `SELECT * FROM organizations.integration_status_at WHERE org_slug = '${org}' ORDER BY valid_from`,
      );
      const mine = samples.filter((sample) => sample.org === org);
      expect(mine.length).toBeGreaterThan(100);
      mine.forEach(({ at, status, lifecycle, credential_id, lapsed }, place) => {
        const found = shown.filter((row) => String(row["valid_from"]) <= at && at < String(row["valid_to"]));
        expect([at, found.length <= 1]).toEqual([at, true]);
        // Of a deactivation nothing is left once something was set up anew.
        if (lapsed && mine.slice(place).some((after) => after.status !== "NOT_CONFIGURED")) return;
        const then = found[0] ?? { status: "NOT_CONFIGURED", lifecycle: "not_configured", credential_id: null };
        expect([at, then]).toMatchObject([at, { status, lifecycle, credential_id }]);
      });
    }
  });

  test("org_integration_credentials has a row for every credential that was ever in use, as it last was", async () => {
    for (const org of orgs) {
      const shown = await views.select(
        `SELECT * FROM organizations.org_integration_credentials WHERE org_slug = '${org}' ORDER BY created_at`,
      );
      expect(shown.map(asCompared)).toEqual(
        expectedCredentials(
          life,
          samples.filter((sample) => sample.org === org),
        ),
      );
      expect(shown.filter((row) => row["is_active"] === true).length).toBeLessThanOrEqual(1);
    }
  });

  test("integration_key_versions counts what the store counts", async () => {
    const shown = await views.select("SELECT * FROM organizations.integration_key_versions");
    const counted = shown
      .filter((row) => Number(row["current_secrets"]) + Number(row["other_secrets"]) > 0)
      .map(({ key_version, current_secrets: current, other_secrets: other }) => ({ key_version, current, other }))
      .sort((left, right) => Number(left.key_version) - Number(right.key_version));
    expect(counted).toEqual(await life.bench.real.countByKeyVersion());
    expect(shown.some((row) => Number(row["purged_secrets"]) > 0)).toBe(true);
    for (const { key_version, purged_secrets, first_sealed_at, last_sealed_at } of shown)
      expect({ purged_secrets, first_sealed_at, last_sealed_at }).toEqual(sealedWith(life, String(key_version)));
  });
});

/** Ciphertext as text, JSON as what it holds. */
function asCompared({ encrypted_credential: sealed, metadata, ...rest }: Shown) {
  return {
    ...rest,
    encrypted_credential: Buffer.isBuffer(sealed) ? sealed.toString("hex") : sealed,
    metadata: typeof metadata === "string" ? JSON.parse(metadata) : metadata,
  };
}

/** What the view must show of an organisation, from the heads that the service has shown, oldest credential first. */
function expectedCredentials({ bench, now }: Life, samples: Sample[]) {
  const heads = samples.flatMap(({ head }) => (head === null ? [] : [head]));
  const ids = [...new Set(heads.map(({ credential_id }) => credential_id))];
  return ids.map((id, place) => {
    const [first] = heads.filter(({ credential_id }) => credential_id === id);
    const last = heads.findLast(({ credential_id }) => credential_id === id);
    const next = heads.find(({ credential_id }) => credential_id === ids[place + 1]);
    if (!first || !last) throw new Error("a credential without a head");
    const sealed = bench.database
      .prepare(
        `SELECT hex(encrypted_credential) AS hex FROM versions
        WHERE credential_id = ? AND encrypted_credential IS NOT NULL ORDER BY seq DESC LIMIT 1`,
      )
      .get(id);
    const columns = {
      credential_id: id,
      org_slug: last.org_slug,
      provider: "FAKE",
      credential_type: "api_key",
      encrypted_credential: sealed === undefined ? null : String(sealed["hex"]).toLowerCase(),
      key_version: last.key_version,
      fingerprint: last.fingerprint,
      credential_name: last.credential_name,
      validation_status: last.validation_status,
      last_validated_at: last.last_validated_at,
      last_checked_at: last.last_checked_at,
      error_code: last.error_code,
      error_message: last.error_code === null ? null : (last.verdict?.message ?? null),
      metadata: last.metadata,
      created_at: first.updated_at,
      created_by: last.created_by,
    };
    if (next === undefined)
      return {
        ...columns,
        is_active: last.enabled && isConfigured(last, now()),
        expires_at: last.expires_at,
        deactivation_scheduled_at: last.deactivation_scheduled_at,
        updated_at: last.updated_at,
      };
    return {
      ...columns,
      is_active: false,
      expires_at: null,
      deactivation_scheduled_at: null,
      updated_at: last.op === "delete" ? last.updated_at : next.updated_at,
    };
  });
}

/** What a key version has sealed and no longer holds, and when it sealed first and last. */
function sealedWith({ bench }: Life, keyVersion: string) {
  const rows = bench.database
    .prepare(
      `SELECT MAX(encrypted_credential IS NOT NULL) AS held, MIN(changed_at) AS at FROM versions
      WHERE key_version = ? AND op IN ('setup', 'rotate', 'rewrap') GROUP BY event_id ORDER BY at`,
    )
    .all(keyVersion);
  return {
    purged_secrets: rows.filter(({ held }) => held === 0).length,
    first_sealed_at: rows[0]?.["at"],
    last_sealed_at: rows.at(-1)?.["at"],
  };
}
