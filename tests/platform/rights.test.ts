import { describe, expect, test } from "vitest";
import type { Right } from "./bearer.ts";
import { awsAccount, bench, emailOf, functionNames, openRights, operator } from "./rights.ts";

const table = (name: string, action: string): Right => ({ service: "bigquery", resource: name, action });
const key = (action: string): Right => ({ service: "kms", resource: bench.key, action });
const pepper: Right = { service: "secretmanager", resource: bench.pepper, action: "access" };
const aws: Right = { service: "iam", resource: awsAccount, action: "getOpenIdToken" };
const jobs: Right = { service: "bigquery", resource: bench.project, action: "jobs.create" };

/** Who may, among all functions. */
function whoMay(right: Right): string {
  const { allows } = openRights();
  return functionNames()
    .filter((name) => allows(emailOf(`int-${name}`), right))
    .join(" ");
}

describe("the rights of configs/functions.yml", () => {
  const all = "setup validate list get update delete decrypt revalidate";

  test.each<[string, Right, string]>([
    ["encrypt", key("encrypt"), "setup update"],
    ["decrypt", key("decrypt"), "validate decrypt revalidate"],
    ["use another key", { ...key("decrypt"), resource: `${bench.key}2` }, ""],
    ["read the pepper", pepper, "setup validate list get update delete"],
    ["read another secret", { ...pepper, resource: `${bench.pepper}-2` }, ""],
    ["mint tokens for AWS", aws, "setup validate update decrypt revalidate"],
    ["mint tokens of another account", { ...aws, resource: operator }, ""],
    ["run statements", jobs, all],
    ["run statements in another project", { ...jobs, resource: "other" }, ""],
    ["read heads", table("integrations.heads", "read"), all],
    ["change heads", table("integrations.heads", "change"), "setup validate update delete decrypt revalidate"],
    ["add to heads", table("integrations.heads", "append"), "setup validate update delete decrypt revalidate"],
    ["read ciphertext", table("integrations.versions", "read"), "validate decrypt revalidate"],
    ["add versions", table("integrations.versions", "append"), "setup update delete revalidate"],
    ["change versions", table("integrations.versions", "change"), "revalidate"],
    [
      "read versions without ciphertext",
      table("organizations.integration_versions", "read"),
      "setup validate get update delete decrypt revalidate",
    ],
    ["read attempts", table("integrations.validations", "read"), "get"],
    ["read organisation keys", table("integrations.org_keys", "read"), "setup validate list get update delete"],
    ["change organisation keys", table("integrations.org_keys", "change"), ""],
    ["read grants", table("integrations.decrypt_grants", "read"), "decrypt"],
    ["change grants", table("integrations.decrypt_grants", "append"), ""],
    ["make a table", table("integrations.heads", "create"), ""],
    ["read heads in another dataset", table("organizations.heads", "read"), ""],
  ])("who may %s", (_, right, names) => {
    expect(whoMay(right)).toBe(names);
  });

  test("the operator may everything; the AWS identity, strangers and those without a token nothing", () => {
    const { allows, refusals } = openRights();
    const rights = [key("encrypt"), key("decrypt"), pepper, aws, jobs, table("integrations.org_keys", "change")];
    expect(rights.map((right) => allows(operator, right))).toEqual(rights.map(() => true));
    expect(refusals).toEqual([]);
    for (const nobody of [awsAccount, emailOf("int-none"), "int-setup@other.iam.gserviceaccount.com", null])
      expect(rights.map((right) => allows(nobody, right))).toEqual(rights.map(() => false));
  });

  test("what was refused is remembered, with whom", () => {
    const { allows, refusals } = openRights();
    allows(emailOf("int-list"), key("decrypt"));
    allows(emailOf("int-list"), jobs);
    allows(null, pepper);
    expect(refusals).toEqual([
      { identity: emailOf("int-list"), ...key("decrypt") },
      { identity: null, ...pepper },
    ]);
  });
});
