import { describe, expect, test } from "vitest";
import { publicFace } from "../../shared/registry/public-face.ts";
import { entryOf, registry } from "./the-registry.ts";

describe("a form can hold what is typed to a field's pattern:", () => {
  const fields = registry.entries.flatMap((entry) => publicFace(entry).fields.map((field) => ({ entry, field })));

  test("a private key has none, since it has many lines", () => {
    const keys = fields.filter(({ field }) => field.kind === "rsa_private_key");
    expect(keys.map(({ entry }) => entry.code).sort()).toEqual(["GCP_SA", "OCI"]);
    for (const { field } of keys) expect(field.pattern).toBeNull();
  });
  test("every other field has its own", () => {
    for (const { entry, field } of fields.filter(({ field }) => field.kind !== "rsa_private_key"))
      expect(field.pattern).toBe(entryOf(entry.code).fields.find(({ name }) => name === field.name)?.pattern);
  });
});
