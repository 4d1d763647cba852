import { createHash, verify } from "node:crypto";
import { transportAnswers } from "../answers/transport.ts";
import type { Fixture, Json } from "../fixture.ts";
import type { Cloud, CloudAsked } from "./cloud.ts";
import { listedKey, ociAnswers, simulatedKey, tenancyOcid, userOcid } from "./oci-answers.ts";

/** Words in a user's OCID, and what each causes. */
const words: Readonly<Record<string, string>> = {
  unknown: "no such key (401)",
  inactive: "the key has been switched off",
  deleted: "the key has been deleted",
  unlisted: "the key signs, and is not in the list",
  gone: "the user may not be read (404)",
  limited: "429",
  broken: "500",
  skewed: "a 401 whose date is years away",
  html: "a captive portal's page",
  hang: "no answer",
  redirect: "307 to a sink",
  echo: "an answer that repeats the signature everywhere",
  fresh: "the key is known from the third question on",
  noregions: "the tenancy's regions may not be read",
  evilhome: "the home region is none of Oracle's",
  nocosts: "costs may not be read (404)",
  nopolicy: "costs may not be read (401)",
  costslimited: "costs are limited (429)",
  zero: "no costs at all",
};

const KEYS: Readonly<Record<string, string>> = {
  unknown: "not_authenticated",
  gone: "not_found",
  limited: "limited",
  broken: "broken",
  skewed: "clock_skew",
  html: "html",
  hang: "hang",
  redirect: "redirect",
  echo: "echo",
};
const STATES: Readonly<Record<string, { [member: string]: Json }>> = {
  inactive: { lifecycleState: "INACTIVE" },
  deleted: { lifecycleState: "DELETED" },
  unlisted: { fingerprint: "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff" },
};
const REGIONS: Readonly<Record<string, string>> = { noregions: "not_found", evilhome: "regions_elsewhere" };
const COSTS: Readonly<Record<string, string>> = {
  nocosts: "costs_404",
  nopolicy: "costs_401",
  costslimited: "costs_limited",
  zero: "costs_of_nothing",
};
/** Oracle takes a request whose date is at most this far from its own. */
const MOST_SKEW_MS = 300_000;

/** How often each user with a fresh key has asked. */
const freshUsers = new Map<string, number>();

export const oci: Cloud = {
  prefix: "oci",
  endpoints: {
    identity: "identity.us-ashburn-1.oci.oraclecloud.com",
    usage: "usageapi.us-ashburn-1.oci.oraclecloud.com",
  },
  answers: ociAnswers,
  headers: () => ({ "opc-request-id": "{request_id}" }),
  words,
  credential: (word) => ({
    tenancy_ocid: tenancyOcid,
    user_ocid: userOcid(word),
    fingerprint: simulatedKey.fingerprint,
    region: "eu-frankfurt-1",
    private_key: simulatedKey.privateKey,
  }),
  answer(asked) {
    const user = signerOf(asked);
    if (user === null) return named("not_authenticated");
    const word = /0([a-z][a-z0-9]*?)0/.exec(user.slice("ocid1.user.oc1..aaaa".length))?.[1] ?? "";
    if (word === "fresh" && isTooEarly(user)) return named("not_authenticated");
    return asked.endpoint === "usage" ? costs(asked, word) : identify(asked, user, word);
  },
};

/** A fresh key's first two questions, which are asked at the same time, come too early. */
function isTooEarly(user: string): boolean {
  const count = (freshUsers.get(user) ?? 0) + 1;
  freshUsers.set(user, count);
  return count <= 2;
}

function named(name: string): Fixture {
  const found = [...ociAnswers, ...transportAnswers].find((one) => one.name === name);
  if (found === undefined) throw new Error(`no answer of Oracle is called ${name}`);
  return found;
}

function identify({ method, path }: CloudAsked, user: string, word: string): Fixture {
  if (method !== "GET") return named("bad_request");
  if (path === `/20160918/tenancies/${tenancyOcid}/regionSubscriptions`) return named(REGIONS[word] ?? "regions");
  if (path !== `/20160918/users/${user}/apiKeys`) return named("not_found");
  const refused = KEYS[word];
  if (refused !== undefined) return named(refused);
  const other = { fingerprint: "ff:ee:dd:cc:bb:aa:99:88:77:66:55:44:33:22:11:00", lifecycleState: "INACTIVE" };
  return { ...named("keys"), body: [listedKey(user, other), listedKey(user, STATES[word])] };
}

function costs({ method, path, body }: CloudAsked, word: string): Fixture {
  if (method !== "POST" || path !== "/20200107/usage") return named("unknown_404");
  return isQuestion(body) ? named(COSTS[word] ?? "costs") : named("costs_bad_request");
}

/** Whole days in UTC, the tenancy, and what is asked for. */
function isQuestion(body: string): boolean {
  const asked = membersOf(body);
  const day = (name: string): number => Date.parse(String(asked[name])) / 86_400_000;
  return (
    asked["tenantId"] === tenancyOcid &&
    asked["granularity"] === "DAILY" &&
    asked["queryType"] === "COST" &&
    Number.isInteger(day("timeUsageStarted")) &&
    Number.isInteger(day("timeUsageEnded")) &&
    day("timeUsageStarted") < day("timeUsageEnded")
  );
}

function membersOf(body: string): Record<string, unknown> {
  try {
    return Object.fromEntries(Object.entries(JSON.parse(body)));
  } catch {
    return {};
  }
}

/** The user whose key signed the request, as Oracle documents it, within its window; `null` for any other request. */
function signerOf(asked: CloudAsked): string | null {
  const { headers, body, nowMs } = asked;
  const parts =
    /^Signature version="1",keyId="([^"]*)",algorithm="rsa-sha256",headers="([^"]*)",signature="([^"]*)"$/.exec(
      headers["authorization"] ?? "",
    );
  const [, keyId = "", list = "", signature = ""] = parts ?? [];
  const [tenancy, user = "", fingerprint] = keyId.split("/");
  if (tenancy !== tenancyOcid || fingerprint !== simulatedKey.fingerprint) return null;
  const names = list.split(" ");
  const wanted = ["x-date", "(request-target)", "host"];
  const ofBody = ["content-type", "content-length", "x-content-sha256"];
  if (![...wanted, ...(asked.method === "POST" ? ofBody : [])].every((name) => names.includes(name))) return null;
  const date = Date.parse(headers["x-date"] ?? "");
  if (!(Math.abs(date - nowMs) <= MOST_SKEW_MS)) return null;
  const hash = createHash("sha256").update(body).digest("base64");
  if (asked.method === "POST" && headers["x-content-sha256"] !== hash) return null;
  const text = names
    .map((name) => `${name}: ${name === "(request-target)" ? targetOf(asked) : headers[name]}`)
    .join("\n");
  const isRight = verify("sha256", Buffer.from(text), simulatedKey.publicKey, Buffer.from(signature, "base64"));
  return isRight ? user : null;
}

/** Method and path as they came, the simulator's own prefix included: that is what was signed. */
function targetOf({ method, endpoint, path, query }: CloudAsked): string {
  const search = query.size > 0 ? `?${query}` : "";
  return `${method.toLowerCase()} /oci/${endpoint}${path}${search}`;
}
