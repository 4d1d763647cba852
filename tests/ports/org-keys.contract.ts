import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { OrgKey } from "../../shared/contract/rows.ts";
import type { OrgKeyStore } from "../../shared/ports/key-registry.ts";
import { hour, minute, T0 } from "./stored-rows.ts";

export interface OrgKeysUnderTest {
  keys: OrgKeyStore;
  dispose(): Promise<void>;
}

function orgKey(changed: Partial<OrgKey> = {}): OrgKey {
  return {
    key_id: "0000000000Ab",
    org_slug: "acme",
    environment: "local",
    scope: "manage",
    name: "CI 'main'",
    key_hmac: randomBytes(32),
    pepper_version: "1",
    legacy: false,
    created_at: T0,
    created_by: "operator",
    expires_at: null,
    revoked_at: null,
    revoked_by: null,
    ...changed,
  };
}

export function describeOrgKeys(name: string, make: () => Promise<OrgKeysUnderTest>): void {
  describe(`${name} as a store of organisation keys`, () => {
    let under: OrgKeysUnderTest;
    let keys: OrgKeyStore;
    beforeEach(async () => {
      under = await make();
      keys = under.keys;
    });
    afterEach(async () => under.dispose());

    test("a key comes back as it was added, byte-exact by its id", async () => {
      const key = orgKey({ expires_at: hour(9), legacy: true, scope: "read", name: null });
      await keys.addKey(key);
      await keys.addKey(orgKey({ key_id: "0000000000AB" }));
      expect(await keys.findKey(key.key_id)).toEqual(key);
      expect(await keys.findKey("0000000000ab")).toBeNull();
    });

    test("an organisation's keys are listed oldest first, revoked ones included", async () => {
      await keys.addKey(orgKey({ key_id: "b", created_at: minute(2) }));
      await keys.addKey(orgKey({ key_id: "a", created_at: minute(1) }));
      await keys.addKey(orgKey({ key_id: "c", org_slug: "acme2" }));
      await keys.revokeKey("a", minute(3), "operator");
      expect((await keys.listKeys("acme")).map((key) => [key.key_id, key.revoked_at])).toEqual([
        ["a", minute(3)],
        ["b", null],
      ]);
    });

    test("a key is revoked once, and says by whom", async () => {
      await keys.addKey(orgKey());
      expect(await keys.revokeKey("0000000000Ab", minute(1), "ann")).toBe(true);
      expect(await keys.revokeKey("0000000000Ab", minute(2), "bob")).toBe(false);
      expect(await keys.revokeKey("unknown", minute(2), "bob")).toBe(false);
      expect(await keys.findKey("0000000000Ab")).toMatchObject({ revoked_at: minute(1), revoked_by: "ann" });
    });

    test("a key whose addition is sent again is there once, and is not brought back from its revocation", async () => {
      const key = orgKey();
      await keys.addKey(key);
      await keys.revokeKey(key.key_id, minute(1), "ann");
      await keys.addKey(key);
      expect(await keys.listKeys("acme")).toEqual([{ ...key, revoked_at: minute(1), revoked_by: "ann" }]);
    });
  });
}
