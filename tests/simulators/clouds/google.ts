import { generateKeyPairSync, type KeyObject, verify } from "node:crypto";
import { transportAnswers } from "../answers/transport.ts";
import type { Fixture } from "../fixture.ts";
import type { Cloud, CloudAsked } from "./cloud.ts";
import { googleAnswer, googleAnswers } from "./google-answers.ts";
import { bigquery, exportTables, placeWords } from "./google-bigquery.ts";
import { certificateOf } from "./google-certificate.ts";

/** Words in the local part of `client_email`, and what each causes. */
const accountWords = {
  dead: "the signature is refused: the key is not in the public list any more",
  lapsed: "the signature is refused: the public list says that the key has expired",
  off: "the signature is refused, though the public list holds the key",
  mixed: "the signature is refused: the list's key of this id is another",
  unlisted: "the signature is refused, and the public list cannot be read",
  gone: "no such account",
  disabled: "the account is disabled",
  skew: "our clock is wrong",
  limited: "429 at the token endpoint",
  outage: "503 at the token endpoint",
  html: "a captive portal's page at the token endpoint",
  hang: "no answer of the token endpoint",
  redirect: "307 of the token endpoint to a sink",
  echo: "an answer that repeats the assertion everywhere",
  barred: "no tokens for this account (unauthorized_client)",
  ending: "the key ends in 20 days",
  forever: "the key's certificate runs until 9999",
  nojobs: "queries may not be run",
  broad: "everything is granted on the project",
  norights: "nothing is granted on the project",
  noprojects: "the Resource Manager API is off",
  noquery: "the BigQuery API is off",
  walled: "a perimeter of VPC Service Controls",
  busy: "BigQuery limits requests",
  distrusted: "BigQuery refuses the token it was given",
  narrow: "BigQuery finds the scopes insufficient",
  down: "BigQuery answers 503",
} as const;
type AccountWord = keyof typeof accountWords;

const TOKEN_ANSWERS: Readonly<Partial<Record<AccountWord, string>>> = {
  dead: "bad_signature",
  lapsed: "bad_signature",
  off: "bad_signature",
  mixed: "bad_signature",
  unlisted: "bad_signature",
  gone: "account_gone",
  disabled: "account_disabled",
  skew: "clock_skew",
  limited: "token_limited",
  outage: "token_outage",
  html: "html",
  hang: "hang",
  redirect: "redirect",
  echo: "echo",
  barred: "unauthorized",
};
const BIGQUERY_ANSWERS: Readonly<Partial<Record<AccountWord, string>>> = {
  noquery: "bigquery_off",
  walled: "bigquery_perimeter",
  busy: "bigquery_limited",
  distrusted: "bigquery_401",
  narrow: "bigquery_scopes",
  down: "bigquery_503",
};

const DAY_MS = 86_400_000;
const PROJECT = "acme-billing";
const AUDIENCE = "https://oauth2.googleapis.com/token";
const KEY_ID = "0a1b2c3d4e5f0a1b2c3d4e5f0a1b2c3d4e5f0a1b";
const OTHER_ID = "ffffffffffffffffffffffffffffffffffffffff";

let pairs: Array<{ publicKey: KeyObject; privateKey: KeyObject }> = [];
/** Two keys of this process: the account's own, and another. */
function keyPair(which: 0 | 1): { publicKey: KeyObject; privateKey: KeyObject } {
  if (pairs.length === 0) pairs = [0, 1].map(() => generateKeyPairSync("rsa", { modulusLength: 2_048 }));
  const pair = pairs[which];
  if (pair === undefined) throw new Error("there are two");
  return pair;
}

/** Google's token endpoint and the APIs behind it. Every key of this process is taken, and no other. */
export const google: Cloud = {
  prefix: "google",
  endpoints: {
    token: "oauth2.googleapis.com",
    bigquery: "bigquery.googleapis.com",
    resourcemanager: "cloudresourcemanager.googleapis.com",
    x509: "www.googleapis.com",
    iam: "iam.googleapis.com",
  },
  answers: googleAnswers,
  words: { ...accountWords, ...placeWords },
  credential: (word) => ({
    type: "service_account",
    project_id: PROJECT,
    private_key_id: KEY_ID,
    private_key: keyPair(0).privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    client_email: `cloudact${word === undefined ? "" : `-${word}`}@${PROJECT}.iam.gserviceaccount.com`,
    client_id: "100000000000000000001",
    auth_uri: "https://accounts.google.com/o/oauth2/auth",
    token_uri: "https://oauth2.googleapis.com/token",
    auth_provider_x509_cert_url: "https://www.googleapis.com/oauth2/v1/certs",
    client_x509_cert_url: `https://www.googleapis.com/robot/v1/metadata/x509/cloudact%40${PROJECT}.iam.gserviceaccount.com`,
    universe_domain: "googleapis.com",
  }),
  metadata: { billing_export_table: `${PROJECT}.billing_export.${exportTables.standard}` },
  answer(asked) {
    switch (asked.endpoint) {
      case "token":
        return token(asked);
      case "x509":
        return certificates(asked);
      case "bigquery":
        return withToken(
          asked,
          (word) => named(BIGQUERY_ANSWERS[word]) ?? bigquery(asked, word !== "nojobs" && word !== "norights"),
        );
      case "resourcemanager":
        return withToken(asked, (word) => project(asked, word));
      default:
        return googleAnswer("iam_off");
    }
  },
};

function named(name: string | undefined): Fixture | null {
  if (name === undefined) return null;
  const found = [...googleAnswers, ...transportAnswers].find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no answer ${name}`);
  return found;
}

/** The word of an account, by its address. */
function wordOf(email: string): AccountWord | "plain" {
  const [local = ""] = email.split("@");
  const words = Object.keys(accountWords).filter((word): word is AccountWord => word in accountWords);
  return words.find((word) => local.split("-").includes(word)) ?? "plain";
}

/** Takes an assertion as Google does: form, algorithm, signature, audience, clock. */
function token({ path, method, headers, body, nowMs }: CloudAsked): Fixture {
  if (!/^\/(?:token)?$/.test(path) || method !== "POST") return googleAnswer("unknown_grant_error");
  if (!headers["content-type"]?.startsWith("application/x-www-form-urlencoded"))
    return googleAnswer("unknown_grant_error");
  const form = new URLSearchParams(body);
  if (form.get("grant_type") !== "urn:ietf:params:oauth:grant-type:jwt-bearer")
    return googleAnswer("unknown_grant_error");
  const assertion = form.get("assertion") ?? "";
  const [head = "", claims = "", signature = ""] = assertion.split(".");
  const { alg }: { alg?: unknown } = decoded(head);
  const { iss, aud, iat, exp, scope }: Record<string, unknown> = decoded(claims);
  if (alg !== "RS256" || typeof iss !== "string") return googleAnswer("unknown_grant_error");
  const isOwn = verify(
    "sha256",
    Buffer.from(`${head}.${claims}`),
    keyPair(0).publicKey,
    Buffer.from(signature, "base64url"),
  );
  if (!isOwn) return googleAnswer("bad_signature");
  if (aud !== AUDIENCE) return googleAnswer("wrong_audience");
  const now = nowMs / 1_000;
  if (typeof iat !== "number" || typeof exp !== "number" || iat > now + 300 || exp < now || exp - iat > 3_600)
    return googleAnswer("clock_skew");
  const scopes = String(scope ?? "").split(" ");
  if (
    scopes.some(
      (one) =>
        !/^https:\/\/www\.googleapis\.com\/auth\/(?:bigquery(?:\.readonly)?|cloud-platform\.read-only)$/.test(one),
    )
  )
    return googleAnswer("wrong_scope");
  const word = wordOf(iss);
  const chosen = word === "plain" ? null : named(TOKEN_ANSWERS[word]);
  if (chosen !== null) return chosen;
  const access = `ya29.c.sim.${Buffer.from(iss).toString("base64url")}.${scopes.length}`;
  return { ...googleAnswer("granted"), body: { access_token: access, expires_in: 3_599, token_type: "Bearer" } };
}

function decoded(part: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString());
    return typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : {};
  } catch {
    return {};
  }
}

/** Answers who brings a token that was granted here. */
function withToken({ headers }: CloudAsked, answer: (word: AccountWord) => Fixture): Fixture {
  const found = /^Bearer ya29\.c\.sim\.([A-Za-z0-9_-]+)\.\d$/.exec(headers["authorization"] ?? "");
  if (found === null) return googleAnswer("bigquery_401");
  const word = wordOf(Buffer.from(found[1] ?? "", "base64url").toString());
  return answer(word === "plain" ? "forever" : word);
}

function project({ path, body }: CloudAsked, word: AccountWord): Fixture {
  if (!/^\/v1\/projects\/[^/]+:testIamPermissions$/.test(path)) return googleAnswer("x509_missing");
  if (word === "noprojects") return googleAnswer("projects_off");
  if (word === "walled") return googleAnswer("projects_perimeter");
  if (word === "norights") return googleAnswer("projects_none");
  const { permissions }: { permissions?: unknown } = JSON.parse(body);
  const asked: string[] = Array.isArray(permissions) ? permissions : [];
  // Least privilege: BigQuery Job User on the project, everything else on the dataset.
  const held = asked.filter(
    (permission) => word === "broad" || (permission === "bigquery.jobs.create" && word !== "nojobs"),
  );
  return { ...googleAnswer("projects_none"), body: held.length > 0 ? { permissions: held } : {} };
}

/** The public list of an account's keys: always one of Google's own, and the customer's where it is not deleted. */
function certificates({ path, nowMs }: CloudAsked): Fixture {
  const found = /^\/robot\/v1\/metadata\/x509\/([^/]+)$/.exec(path);
  const email = decodeURIComponent(found?.[1] ?? "");
  const word = wordOf(email);
  if (found === null || word === "gone" || word === "unlisted") return googleAnswer("x509_missing");
  const from = new Date(nowMs - 200 * DAY_MS);
  const until: Readonly<Partial<Record<AccountWord | "plain", Date>>> = {
    lapsed: new Date(nowMs - DAY_MS),
    ending: new Date(nowMs + 20 * DAY_MS),
  };
  const to = until[word] ?? new Date("9999-12-31T23:59:59Z");
  const own = certificateOf(keyPair(word === "mixed" ? 1 : 0), email, from, to);
  const others = certificateOf(keyPair(1), email, from, new Date(nowMs + 14 * DAY_MS));
  const body = { [OTHER_ID]: others, ...(word === "dead" ? {} : { [KEY_ID]: own }) };
  return { ...googleAnswer("projects_none"), name: "certificates", endpoint: "x509", body };
}
