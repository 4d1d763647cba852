import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Verdict } from "../../shared/contract/verdict.ts";
import type { Clock } from "../../shared/ports/clock.ts";
import { askThrough } from "../../shared/providers/ask.ts";
import { attempt, mint } from "../../shared/providers/attempt.ts";
import { readiness } from "../../shared/registry/readiness.ts";
import { entryOf } from "../registry/the-registry.ts";
import { ociAnswers, simulatedKey, tenancyOcid, userOcid } from "../simulators/clouds/oci-answers.ts";
import { clouds, type Simulators, startSimulators, transportAnswers } from "../simulators/start.ts";
import { credentialOf, federation, nobody } from "./desk.ts";
import { meeting } from "./meeting.ts";

let simulators: Simulators;
beforeAll(async () => {
  simulators = await startSimulators();
});
afterAll(() => simulators.close());
beforeEach(() => simulators.reset());

const oci = entryOf("OCI");
const credentialFor = (word?: string): Record<string, string> => clouds.OCI?.credential(word) ?? {};
const simulated = (change: Partial<typeof oci> = {}): typeof oci => ({
  ...oci,
  endpoints: {
    identity: simulators.endpoints["OCI_IDENTITY"] ?? "",
    usage: simulators.endpoints["OCI_USAGE"] ?? "",
  },
  ...change,
});
/** The real clock, moved, whose sleeps take no time but count: the simulator looks at its own. */
function clockOf(offsetMs = 0): Clock & { slept: number[] } {
  const slept: number[] = [];
  return {
    slept,
    now: () => Date.now() + offsetMs,
    monotonic: () => performance.now(),
    sleep: async (ms) => {
      slept.push(ms);
    },
  };
}
interface Options {
  change?: Partial<typeof oci>;
  clock?: Clock;
  isNew?: boolean;
}
const validate = (fields: Record<string, string>, { change, clock, isNew }: Options = {}): Promise<Verdict> =>
  attempt(
    simulated(change),
    credentialOf(fields),
    { ...nobody, isNew: isNew ?? false },
    { ask: askThrough(fetch, 10_000), clock: clock ?? clockOf(), federation },
  );
const short = { timeout_ms: 150, deadline_ms: 1_000, retry: { max: 0, backoff_ms: 0 } };
const asked = () => simulators.requests.map(({ endpoint, method, path }) => `${endpoint} ${method} ${path}`);
const usageOf = (verdict: Verdict) => verdict.capabilities.find(({ id }) => id === "usage_read");

const keys = (user: string) => `identity GET /20160918/users/${user}/apiKeys`;
const regions = `identity GET /20160918/tenancies/${tenancyOcid}/regionSubscriptions`;
const usage = "usage POST /20200107/usage";

test("a good key is VALID and ready for costs in three calls, two of them at the same time", async () => {
  const together = meeting(2);
  const ask = askThrough(async (url, init) => {
    if (init.method === "GET") await together();
    return await fetch(url, init);
  }, 10_000);
  const verdict = await attempt(simulated(), credentialOf(credentialFor()), nobody, {
    ask,
    clock: clockOf(),
    federation,
  });
  expect(asked().slice(0, 2).sort()).toEqual([regions, keys(userOcid())]);
  expect(asked().slice(2)).toEqual([usage]);
  expect(verdict).toMatchObject({
    outcome: "valid",
    reason: null,
    warnings: [],
    expires_at: null,
    details: { account: tenancyOcid, key_created_at: "2026-08-01T09:30:00.123Z" },
    discovered: { home_region: "eu-frankfurt-1" },
  });
  expect(verdict.capabilities).toEqual([{ id: "usage_read", state: "granted" }]);
  expect(readiness(oci, verdict.capabilities)).toEqual([{ id: "cloud.oci.cost.billing", ready: true, missing: [] }]);
});

test("the private key and what it signs stay out of the verdict, and the key out of every request", async () => {
  for (const word of [undefined, "unknown", "echo", "nopolicy"]) {
    const verdict = await validate(credentialFor(word));
    const signatures = simulators.requests.map(
      ({ headers }) => /signature="([^"]+)"/.exec(headers["authorization"] ?? "")?.[1] ?? "missing",
    );
    expect(signatures).not.toContain("missing");
    for (const piece of [...signatures, "BEGIN PRIVATE"])
      expect(JSON.stringify(verdict)).not.toContain(piece.slice(0, 12));
  }
  const body = simulatedKey.privateKey.split("\n")[5] ?? "missing";
  expect(JSON.stringify(simulators.requests)).not.toContain(body);
});

test("costs are asked for one whole day in UTC", async () => {
  const clock = { ...clockOf(), now: () => Math.floor(Date.now() / 60_000) * 60_000 };
  await validate(credentialFor(), { clock });
  const today = new Date(clock.now()).toISOString().slice(0, 10);
  const yesterday = new Date(clock.now() - 86_400_000).toISOString().slice(0, 10);
  expect(JSON.parse(simulators.requests.at(-1)?.body ?? "")).toEqual({
    tenantId: tenancyOcid,
    timeUsageStarted: `${yesterday}T00:00:00.000Z`,
    timeUsageEnded: `${today}T00:00:00.000Z`,
    granularity: "DAILY",
    queryType: "COST",
    isAggregateByTime: true,
  });
});

describe("an answer of", () => {
  const rows = [
    ...ociAnswers.filter(({ reads }) => reads !== null),
    ...transportAnswers.map((one) => ({ ...one, endpoint: "identity" })),
  ];
  test.each(rows.map((row) => [row.endpoint, row.name, row] as const))(
    "%s: %s is read as it is documented",
    async (endpoint, name, { reads, transport }) => {
      simulators.force("OCI", String(endpoint), name);
      const isEndless = transport === "hang" || transport === "drip";
      const verdict = await validate(credentialFor(), isEndless ? { change: short } : {});
      expect({ outcome: verdict.outcome, ...(reads?.reason ? { reason: verdict.reason } : {}) }).toEqual(reads);
      if (verdict.outcome !== "valid") {
        expect(verdict.remedy).toMatch(/^\S.{15,}/);
        expect(verdict.remedy).not.toMatch(/may not do what is needed|\{[a-z_]+\}/);
        expect(asked()).not.toContain(usage);
      }
      expect(simulators.sinkRequests).toEqual([]);
    },
  );
  test("429 keeps the wait that was asked for, and Oracle's id for the request", async () => {
    expect(await validate(credentialFor("limited"))).toMatchObject({
      outcome: "rate_limited",
      retry_after_s: 17,
      provider_code: "TooManyRequests",
      provider_request_id: expect.stringMatching(/^req_sim_\d+$/),
    });
  });
});

describe("a key", () => {
  test.each<[string, object]>([
    ["inactive", { outcome: "rejected", reason: "key_inactive" }],
    ["deleted", { outcome: "rejected", reason: "key_deleted" }],
    ["unlisted", { outcome: "unreachable", reason: "key_not_listed" }],
    ["gone", { outcome: "forbidden", reason: "user_not_readable" }],
    ["skewed", { outcome: "service_misconfigured", reason: "clock_skew" }],
  ])("that is %s", async (word, expected) => {
    expect(await validate(credentialFor(word))).toMatchObject(expected);
  });
  test("that signs for another user, tenancy or fingerprint is rejected, as is a changed signature", async () => {
    const good = credentialFor();
    for (const change of [
      { tenancy_ocid: tenancyOcid.replace("aaaa", "bbbb") },
      { fingerprint: good["fingerprint"]?.replace(/^../, "00") ?? "" },
    ]) {
      const verdict = await validate({ ...good, ...change });
      expect(verdict).toMatchObject({ outcome: "rejected", reason: "not_authenticated" });
    }
  });
  test("that is set up is asked for once more after a while, since a fresh one takes time to be known", async () => {
    const clock = clockOf();
    const user = userOcid("fresh").replace(/0{8}$/, "11111111");
    const verdict = await validate({ ...credentialFor(), user_ocid: user }, { clock, isNew: true });
    expect(verdict).toMatchObject({ outcome: "valid", discovered: { home_region: "eu-frankfurt-1" } });
    expect(clock.slept).toHaveLength(1);
    expect(clock.slept[0]).toBeGreaterThanOrEqual(5_000);
    expect(clock.slept[0]).toBeLessThanOrEqual(10_000);
    expect(simulators.requests).toHaveLength(5);
  });
  test("that is set up and stays unknown is rejected after two tries", async () => {
    const clock = clockOf();
    const verdict = await validate(credentialFor("unknown"), { clock, isNew: true });
    expect(verdict).toMatchObject({ outcome: "rejected", reason: "not_authenticated" });
    expect(asked().filter((one) => one === keys(userOcid("unknown")))).toHaveLength(2);
    expect(clock.slept).toHaveLength(1);
  });
  test("that has worked before is not waited for", async () => {
    const clock = clockOf();
    await validate(credentialFor("unknown"), { clock });
    expect(clock.slept).toEqual([]);
    expect(asked().filter((one) => one === keys(userOcid("unknown")))).toHaveLength(1);
  });
});

describe("our clock", () => {
  test.each([-600_000, -310_000, 310_000, 600_000])("%i ms off is our fault, not the key's", async (offset) => {
    const clock = clockOf(offset);
    const verdict = await validate(credentialFor(), { clock, isNew: true });
    expect(verdict).toMatchObject({ outcome: "service_misconfigured", reason: "clock_skew", http_status: 401 });
    expect(verdict.remedy).toMatch(/clock/);
    expect(clock.slept).toEqual([]);
  });
  test.each([-200_000, 200_000])("%i ms off does no harm, and does not save a dead key", async (offset) => {
    expect((await validate(credentialFor(), { clock: clockOf(offset) })).outcome).toBe("valid");
    const dead = await validate(credentialFor("unknown"), { clock: clockOf(offset) });
    expect(dead).toMatchObject({ outcome: "rejected", reason: "not_authenticated" });
  });
  test("cannot be judged by an answer without a date, which condemns nobody", async () => {
    const ask = askThrough(
      async () => Response.json({ code: "NotAuthenticated", message: "…" }, { status: 401, headers: {} }),
      1_000,
    );
    const verdict = await attempt(oci, credentialOf(credentialFor()), nobody, { ask, clock: clockOf(), federation });
    expect(verdict).toMatchObject({ outcome: "unreachable", reason: "unexpected_response" });
  });
});

describe("costs", () => {
  test.each<[string, object]>([
    ["costs_of_nothing", { state: "granted" }],
    ["costs_404", { state: "denied", reason: "usage_policy_missing" }],
    ["costs_401", { state: "denied", reason: "usage_policy_missing" }],
    ["costs_403", { state: "denied", reason: "usage_policy_missing" }],
    ["costs_elsewhere", { state: "denied", reason: "home_region_only" }],
    ["costs_sign_up", { state: "denied", reason: "sign_up_required" }],
    ["costs_limited", { state: "unknown", reason: "rate_limited" }],
    ["costs_broken", { state: "unknown", reason: "unavailable" }],
    ["costs_bad_request", { state: "unknown", reason: "unexpected_response" }],
    ["costs_unmarked_401", { state: "unknown", reason: "unexpected_response" }],
    ["costs_junk", { state: "unknown", reason: "unexpected_response" }],
    ["html", { state: "unknown", reason: "unexpected_response" }],
    ["gateway_401", { state: "unknown", reason: "unexpected_response" }],
    ["outage_401", { state: "unknown", reason: "unexpected_response" }],
    ["reset", { state: "unknown" }],
    ["redirect", { state: "unknown" }],
    ["huge", { state: "unknown" }],
    ["null_body", { state: "unknown" }],
  ])("%s: the key stays valid", async (name, expected) => {
    simulators.force("OCI", "usage", name);
    const verdict = await validate(credentialFor());
    expect(verdict).toMatchObject({ outcome: "valid", reason: null });
    expect(usageOf(verdict)).toMatchObject(expected);
    expect(asked().filter((one) => one === usage)).toHaveLength(1);
    const [pipeline] = readiness(oci, verdict.capabilities);
    const state = usageOf(verdict)?.state;
    expect(pipeline?.ready).toBe(state === "granted" ? true : state === "denied" ? false : "unknown");
  });
  test("that a policy lacks are granted by statements to paste, for this organisation's group", async () => {
    const { remedy } = usageOf(await validate(credentialFor("nocosts"))) ?? {};
    expect(remedy).toContain("Allow group cloudact-acme to read usage-report in tenancy");
    expect(remedy).toContain("root compartment");
  });
  test("may be kept in another region where the home region cannot be read: said as well", async () => {
    simulators.force("OCI", "usage", "costs_404");
    const verdict = await validate(credentialFor("noregions"));
    expect(usageOf(verdict)).toMatchObject({ state: "denied", reason: "usage_policy_or_region" });
    expect(usageOf(verdict)?.remedy).toMatch(/home region/);
    expect(verdict.discovered).toBeUndefined();
  });
});

test("there is no stand-in for a pipeline: a key that signs stays what it is", async () => {
  const parts = { ask: askThrough(fetch, 1_000), clock: clockOf(), federation };
  expect(await mint(simulated(), credentialOf(credentialFor()), nobody, "cloud.oci.cost.billing", parts)).toBeNull();
});

describe("the host follows the region, from our list alone:", () => {
  /** Hosts that were asked, of a validation that is answered well by all of them. */
  async function hostsFor(region: string, realm: string, home: unknown = null, change: Partial<typeof oci> = {}) {
    const hosts: string[] = [];
    const user = userOcid().replace(".oc1.", `.${realm}.`);
    const ask = askThrough(async (url) => {
      hosts.push(new URL(url).host);
      if (url.endsWith("/apiKeys"))
        return Response.json([{ fingerprint: simulatedKey.fingerprint, userId: user, lifecycleState: "ACTIVE" }]);
      if (url.endsWith("/regionSubscriptions")) return Response.json([{ regionName: home, isHomeRegion: true }]);
      return Response.json({ items: [] });
    }, 1_000);
    const fields = {
      ...credentialFor(),
      user_ocid: user,
      tenancy_ocid: tenancyOcid.replace(".oc1.", `.${realm}.`),
      region,
    };
    const verdict = await attempt({ ...oci, ...change }, credentialOf(fields), nobody, {
      ask,
      clock: clockOf(),
      federation,
    });
    return { hosts, outcome: verdict.outcome };
  }
  test.each([
    ["us-ashburn-1", "oc1", null, "us-ashburn-1.oci.oraclecloud.com", "us-ashburn-1.oci.oraclecloud.com"],
    ["us-ashburn-1", "oc1", "eu-frankfurt-1", "us-ashburn-1.oci.oraclecloud.com", "eu-frankfurt-1.oci.oraclecloud.com"],
    ["us-langley-1", "oc2", null, "us-langley-1.oci.oraclegovcloud.com", "us-langley-1.oci.oraclegovcloud.com"],
    ["uk-gov-london-1", "oc4", null, "uk-gov-london-1.oci.oraclegovcloud.uk", "uk-gov-london-1.oci.oraclegovcloud.uk"],
    ["eu-madrid-2", "oc19", "eu-frankfurt-2", "eu-madrid-2.oci.oraclecloud.eu", "eu-frankfurt-2.oci.oraclecloud.eu"],
    ["us-ashburn-1", "oc1", "evil.example", "us-ashburn-1.oci.oraclecloud.com", "us-ashburn-1.oci.oraclecloud.com"],
    ["us-ashburn-1", "oc1", "us-langley-1", "us-ashburn-1.oci.oraclecloud.com", "us-ashburn-1.oci.oraclecloud.com"],
    ["us-ashburn-1", "oc1", ["eu-frankfurt-1"], "us-ashburn-1.oci.oraclecloud.com", "us-ashburn-1.oci.oraclecloud.com"],
  ])("%s in %s with the home region %s", async (region, realm, home, identity, costs) => {
    const { hosts, outcome } = await hostsFor(region, realm, home);
    expect(outcome).toBe("valid");
    expect(hosts).toEqual([`identity.${identity}`, `identity.${identity}`, `usageapi.${costs}`]);
  });
  test.each<[string, Record<string, string>]>([
    ["a user that leaves its path", { user_ocid: `ocid1.user.oc1../../../${"a".repeat(30)}` }],
    ["a tenancy with a query", { tenancy_ocid: `ocid1.tenancy.oc1..${"a".repeat(30)}?x=1` }],
    ["a fingerprint that ends its quotes", { fingerprint: `${simulatedKey.fingerprint}",algorithm="none` }],
    ["a key that cannot be read", { private_key: "-----BEGIN PRIVATE KEY-----" }],
    ["nothing at all", { tenancy_ocid: "", user_ocid: "", fingerprint: "", region: "", private_key: "" }],
  ])("%s is asked about nowhere, even where it has been stored", async (_, change) => {
    const asked: string[] = [];
    const ask = askThrough(async (url) => {
      asked.push(url);
      return Response.json([]);
    }, 1_000);
    const verdict = await attempt(oci, credentialOf({ ...credentialFor(), ...change }), nobody, {
      ask,
      clock: clockOf(),
      federation,
    });
    expect(verdict).toMatchObject({ outcome: "service_misconfigured", reason: "internal" });
    expect(asked).toEqual([]);
  });
  test("an override is taken as it is", async () => {
    const endpoints = { identity: "http://127.0.0.1:9/x", usage: "http://127.0.0.1:8/y" };
    const { hosts } = await hostsFor("us-ashburn-1", "oc1", "eu-frankfurt-1", { endpoints });
    expect(hosts).toEqual(["127.0.0.1:9", "127.0.0.1:9", "127.0.0.1:8"]);
  });
  test.each([
    ["evil.com", "oc1"],
    ["evil.com/#", "oc1"],
    ["us-ashburn-1.evil.com", "oc1"],
    ["us-nowhere-1", "oc1"],
    ["US-ASHBURN-1", "oc1"],
    ["us-langley-1", "oc1"],
    ["us-ashburn-1", "oc2"],
    ["us-ashburn-1", "oc999"],
    ["__proto__", "oc1"],
    ["", "oc1"],
  ])("%s in %s is asked nowhere, even where it has been stored", async (region, realm) => {
    expect(await hostsFor(region, realm)).toEqual({ hosts: [], outcome: "service_misconfigured" });
  });
});
