import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Grant } from "../../shared/contract/rows.ts";
import type { GrantStore } from "../../shared/ports/key-registry.ts";
import { hour, minute, T0 } from "./stored-rows.ts";

export interface GrantsUnderTest {
  grants: GrantStore;
  dispose(): Promise<void>;
}

function grant(changed: Partial<Grant> = {}): Grant {
  return {
    grant_id: "grant-1",
    subject: "pipeline",
    org_slugs: ["acme", "globex"],
    providers: ["OPENAI"],
    created_at: T0,
    created_by: "operator",
    expires_at: hour(2_160),
    revoked_at: null,
    revoked_by: null,
    ...changed,
  };
}

export function describeGrants(name: string, make: () => Promise<GrantsUnderTest>): void {
  describe(`${name} as a store of grants`, () => {
    let under: GrantsUnderTest;
    let grants: GrantStore;
    beforeEach(async () => {
      under = await make();
      grants = under.grants;
    });
    afterEach(async () => under.dispose());

    test("a subject's grants come back as they were added, live and dead", async () => {
      const first = grant();
      const second = grant({
        grant_id: "grant-2",
        created_at: minute(1),
        expires_at: minute(2),
        providers: ["*"],
        org_slugs: ["acme"],
      });
      await grants.addGrant(first);
      await grants.addGrant(second);
      await grants.addGrant(grant({ grant_id: "grant-3", subject: "pipeline2" }));
      expect(await grants.grantsOf("pipeline")).toEqual([first, second]);
      expect(await grants.grantsOf("pipe")).toEqual([]);
    });

    test("grants are listed for one organisation by its whole name, or for all", async () => {
      await grants.addGrant(grant());
      await grants.addGrant(grant({ grant_id: "grant-2", org_slugs: ["acme2"], created_at: minute(1) }));
      const ids = async (org: string | null) => (await grants.listGrants(org)).map((one) => one.grant_id);
      expect(await ids("acme")).toEqual(["grant-1"]);
      expect(await ids("globex")).toEqual(["grant-1"]);
      expect(await ids("nobody")).toEqual([]);
      expect(await ids(null)).toEqual(["grant-1", "grant-2"]);
    });

    test("a grant is revoked once, and says by whom", async () => {
      await grants.addGrant(grant());
      expect(await grants.revokeGrant("grant-1", minute(1), "ann")).toBe(true);
      expect(await grants.revokeGrant("grant-1", minute(2), "bob")).toBe(false);
      expect(await grants.revokeGrant("unknown", minute(2), "bob")).toBe(false);
      expect(await grants.grantsOf("pipeline")).toEqual([grant({ revoked_at: minute(1), revoked_by: "ann" })]);
    });

    test("a grant whose addition is sent again is there once, and is not brought back from its revocation", async () => {
      await grants.addGrant(grant());
      await grants.revokeGrant("grant-1", minute(1), "ann");
      await grants.addGrant(grant());
      expect(await grants.grantsOf("pipeline")).toEqual([grant({ revoked_at: minute(1), revoked_by: "ann" })]);
    });
  });
}
