import { createHash, generateKeyPairSync } from "node:crypto";
import { answer, type Fixture, type Json } from "../fixture.ts";

const pair = generateKeyPairSync("rsa", { modulusLength: 2_048 });

/** The one key that the simulator knows, made for this process. */
export const simulatedKey = {
  privateKey: pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  publicKey: pair.publicKey,
  /** MD5 over the public half, as the console shows it. */
  fingerprint: (
    createHash("md5")
      .update(pair.publicKey.export({ type: "spki", format: "der" }))
      .digest("hex")
      .match(/../g) ?? []
  ).join(":"),
};

/** The ids that the simulator knows; obviously fake. */
export const tenancyOcid = `ocid1.tenancy.oc1..${"aaaa".padEnd(60, "0")}`;

/** A user's OCID with a word in it. */
export function userOcid(word = "good"): string {
  return `ocid1.user.oc1..${`aaaa0${word}0`.padEnd(60, "0")}`;
}

const errorsPage = "https://docs.oracle.com/iaas/Content/API/References/apierrors.htm, read 2026-11-20";
const signingPage = "https://docs.oracle.com/iaas/Content/API/Concepts/signingrequests.htm, read 2026-11-20";
const identityPackage = "oci-identity 2.139.1 (ApiKey, RegionSubscription), read 2026-11-20";
const usagePackage = "oci-usageapi 2.139.1 (UsageAggregation), read 2026-11-20";
const homeIssue = "https://github.com/oracle/oci-python-sdk/issues/679, read 2026-11-20";

type Reads = Parameters<typeof answer>[2];

function at(endpoint: "identity" | "usage", fixture: Fixture): Fixture {
  return { ...fixture, endpoint };
}

const identity = (name: string, status: number, reads: Reads, source: string, body: Json, headers = {}): Fixture =>
  at("identity", answer(name, status, reads, source, body, headers));
const usage = (name: string, status: number, source: string, body: Json, headers = {}): Fixture =>
  at("usage", answer(name, status, "valid", source, body, headers));
const error = (code: string, message: string): Json => ({ code, message });

const UNAUTHENTICATED = error(
  "NotAuthenticated",
  "The required information to complete authentication was not provided or was incorrect.",
);
const unexpected: Reads = ["unreachable", "unexpected_response"];

/** A key as the list shows it. */
export function listedKey(user: string, change: { [member: string]: Json } = {}): { [member: string]: Json } {
  return {
    keyId: `${tenancyOcid}/${user}/${simulatedKey.fingerprint}`,
    keyValue: simulatedKey.publicKey.export({ type: "spki", format: "pem" }).toString(),
    fingerprint: simulatedKey.fingerprint,
    userId: user,
    timeCreated: "2026-08-01T09:30:00.123Z",
    lifecycleState: "ACTIVE",
    inactiveStatus: null,
    ...change,
  };
}

const OTHER = { fingerprint: "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff", keyId: "another" };
const keys = (name: string, reads: Reads, ...changes: Array<{ [member: string]: Json }>): Fixture =>
  identity(
    name,
    200,
    reads,
    identityPackage,
    changes.map((change) => listedKey(userOcid(), change)),
  );

const identities: readonly Fixture[] = [
  keys("keys", null, OTHER, {}),
  keys("keys_inactive", ["rejected", "key_inactive"], { lifecycleState: "INACTIVE", inactiveStatus: 1 }),
  keys("keys_deleting", ["rejected", "key_deleted"], { lifecycleState: "DELETING" }),
  keys("keys_deleted", ["rejected", "key_deleted"], { lifecycleState: "DELETED" }),
  keys("keys_creating", null, { lifecycleState: "CREATING" }),
  keys("keys_without_time", null, { timeCreated: null }),
  keys("keys_unknown_state", unexpected, { lifecycleState: "UNKNOWN_VALUE" }),
  keys("keys_without_state", unexpected, { lifecycleState: null }),
  keys("keys_without_ours", ["unreachable", "key_not_listed"], OTHER),
  keys("keys_of_another", ["unreachable", "key_not_listed"], { userId: userOcid("another") }),
  identity("keys_none", 200, unexpected, identityPackage, []),
  identity(
    "keys_wrapped",
    200,
    ["unreachable", "key_not_listed"],
    "transport: junk that flatters",
    listedKey(userOcid()),
  ),
  identity("not_authenticated", 401, ["rejected", "not_authenticated"], errorsPage, UNAUTHENTICATED),
  identity("clock_skew", 401, ["service_misconfigured", "clock_skew"], signingPage, UNAUTHENTICATED, {
    date: "Sat, 01 Jan 2000 00:00:00 GMT",
  }),
  identity("undated", 401, unexpected, "hostile: an answer whose date says nothing", UNAUTHENTICATED, {
    date: "yesterday",
  }),
  identity("unmarked_401", 401, unexpected, "transport: a gateway's own", error("Unauthorized", "Invalid API key")),
  identity(
    "not_found",
    404,
    ["forbidden", "user_not_readable"],
    errorsPage,
    error("NotAuthorizedOrNotFound", "Authorization failed or requested resource not found."),
  ),
  identity(
    "not_authorized",
    403,
    ["forbidden", "user_not_readable"],
    errorsPage,
    error("NotAuthorized", "Not authorized"),
  ),
  identity(
    "not_allowed",
    403,
    ["forbidden", "home_region_only"],
    errorsPage,
    error("NotAllowed", "Please go to your home region to execute CREATE, UPDATE and DELETE operations."),
  ),
  identity("sign_up_403", 403, ["forbidden", "sign_up_required"], errorsPage, error("SignUpRequired", "Opt in first")),
  identity("sign_up_402", 402, ["forbidden", "sign_up_required"], errorsPage, error("SignUpRequired", "Opt in first")),
  identity("unknown_403", 403, unexpected, errorsPage, error("SomethingNew", "Invalid API key")),
  identity("unknown_404", 404, unexpected, "transport: a gateway's own", error("NotFound", "No such route")),
  identity("bad_request", 400, unexpected, errorsPage, error("InvalidParameter", "Invalid user")),
  identity("limited", 429, "rate_limited", errorsPage, error("TooManyRequests", "User-rate limit exceeded."), {
    "retry-after": "17",
  }),
  identity("broken", 500, ["unreachable", "unavailable"], errorsPage, error("InternalServerError", "Internal error")),
  identity("regions", 200, null, identityPackage, [
    { regionKey: "FRA", regionName: "eu-frankfurt-1", status: "READY", isHomeRegion: true },
    { regionKey: "IAD", regionName: "us-ashburn-1", status: "READY", isHomeRegion: false },
  ]),
  identity("regions_elsewhere", 200, null, "hostile: a home region that would move a host", [
    { regionKey: "EVL", regionName: "evil.example", status: "READY", isHomeRegion: true },
  ]),
  identity("regions_other_realm", 200, null, "hostile: a home region of another realm", [
    { regionKey: "LFI", regionName: "us-langley-1", status: "READY", isHomeRegion: true },
  ]),
];

const usages: readonly Fixture[] = [
  usage("costs", 200, usagePackage, {
    groupBy: [],
    items: [
      { tenantId: tenancyOcid, computedAmount: 12.34, currency: "EUR", timeUsageStarted: "2026-11-19T00:00:00Z" },
    ],
  }),
  usage("costs_of_nothing", 200, usagePackage, { groupBy: [], items: [] }),
  usage(
    "costs_404",
    404,
    "unverified: a missing policy, as seen in public notes",
    error("NotAuthorizedOrNotFound", "Authorization failed or requested resource not found."),
  ),
  usage("costs_401", 401, "unverified: a missing policy, as seen in public notes", UNAUTHENTICATED),
  usage("costs_403", 403, errorsPage, error("NotAuthorized", "Not authorized")),
  usage("costs_elsewhere", 403, homeIssue, error("NotAllowed", "This operation must be directed at the home region.")),
  usage("costs_sign_up", 402, errorsPage, error("SignUpRequired", "Opt in first")),
  usage("costs_limited", 429, errorsPage, error("TooManyRequests", "Too many")),
  usage("costs_broken", 500, homeIssue, error("InternalServerError", "Internal Service Error, please try again")),
  usage(
    "costs_bad_request",
    400,
    "https://github.com/oracle/oci-java-sdk/issues/632, read 2026-11-20",
    error("InvalidParameter", "Unable to process JSON input"),
  ),
  usage("costs_unmarked_401", 401, "transport: a gateway's own", error("Unauthorized", "Invalid API key")),
  usage("costs_junk", 200, "transport: junk that flatters", { items: "many" }),
];

/** Every documented answer of Identity and of the Usage API. */
export const ociAnswers: readonly Fixture[] = [...identities, ...usages];
