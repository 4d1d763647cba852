import { expect, test } from "vitest";
import { isRealm, ociBase, ociRegion, ociRegions, realmOf } from "../../shared/providers/oci/regions.ts";
import { pattern } from "../../shared/registry/linear.ts";
import { entryOf } from "../registry/the-registry.ts";

const oci = entryOf("OCI");

test("85 regions in 20 realms are known, each by a name that its field takes", () => {
  const shape = oci.fields.find(({ name }) => name === "region")?.pattern ?? "^$";
  expect(ociRegions()).toHaveLength(85);
  expect(new Set(ociRegions().map(({ realm }) => realm)).size).toBe(20);
  for (const region of ociRegions()) {
    expect(region.id).toMatch(pattern(shape));
    expect(region.id).toMatch(/^[a-z]{2}(?:-[a-z]+)+-\d$/);
    expect(region.realm).toMatch(/^oc\d{1,2}$/);
    expect(region.domain).toMatch(/^oracle(?:gov)?cloud\d{0,2}\.(?:com|uk|eu)$/);
    expect(isRealm(region.realm)).toBe(true);
    expect(ociRegion(region.id)).toEqual(region);
  }
});

/** Hosts that Oracle's own SDK makes: EndpointBuilder of oci-common 2.139.1, run on 2026-11-21. */
test.each([
  ["us-ashburn-1", "https://identity.us-ashburn-1.oci.oraclecloud.com"],
  ["eu-frankfurt-1", "https://identity.eu-frankfurt-1.oci.oraclecloud.com"],
  ["us-luke-1", "https://identity.us-luke-1.oci.oraclegovcloud.com"],
  ["us-gov-phoenix-1", "https://identity.us-gov-phoenix-1.oci.oraclegovcloud.com"],
  ["uk-gov-cardiff-1", "https://identity.uk-gov-cardiff-1.oci.oraclegovcloud.uk"],
  ["ap-ibaraki-1", "https://identity.ap-ibaraki-1.oci.oraclecloud8.com"],
  ["eu-madrid-2", "https://identity.eu-madrid-2.oci.oraclecloud.eu"],
  ["sa-riodejaneiro-1", "https://identity.sa-riodejaneiro-1.oci.oraclecloud52.com"],
])("%s is asked at %s", (id, url) => {
  const region = ociRegion(id);
  expect(region).not.toBeNull();
  if (region === null) return;
  expect(ociBase(oci.endpoints, "identity", region)).toBe(url);
  expect(ociBase(oci.endpoints, "usage", region)).toBe(url.replace("identity.", "usageapi."));
});

test.each([
  "",
  "us-ashburn-3",
  "US-ASHBURN-1",
  "iad",
  "us-ashburn-1 ",
  "us-ashburn-1.evil.com",
  "toString",
  "__proto__",
])("%j is no region", (id) => expect(ociRegion(id)).toBeNull());

test("the realm of an OCID is its third part", () => {
  expect(realmOf("ocid1.tenancy.oc1..aaaa")).toBe("oc1");
  expect(realmOf("ocid1.user.oc19.eu-madrid-2.aaaa")).toBe("oc19");
  expect(isRealm(realmOf("nonsense"))).toBe(false);
});
