import { transportAnswers } from "../answers/transport.ts";
import type { Fixture } from "../fixture.ts";
import {
  assumed,
  costAnswers,
  exportOf,
  federated,
  identity,
  keyAnswers,
  roleAnswers,
  simulated,
} from "./aws-answers.ts";
import { ACCOUNT, claimsOf, type Holder, holderOf, keyIdOf, secretOf, sessionOf, wordOf } from "./aws-keys.ts";
import { claimed, isSignedWith } from "./aws-signature.ts";
import type { Cloud, CloudAsked } from "./cloud.ts";

const endpoints = {
  sts: "sts.us-east-1.amazonaws.com",
  iam: "iam.amazonaws.com",
  exports: "bcm-data-exports.us-east-1.amazonaws.com",
} as const;

/** Words of either credential that decide what may be read with it. */
const costWords: Readonly<Record<string, string>> = {
  nosim: "iam:SimulatePrincipalPolicy is not allowed",
  noce: "Cost Explorer is not allowed",
  noexp: "exports may not be listed",
  empty: "there is no export",
  sick: "the export is unhealthy",
  carbon: "the only export holds no costs",
  nobuck: "the export's bucket may not be read",
};

/** Words in the name of a role, `CloudAct-<word>`; any other name is a role with a fitting trust policy. */
const roleWords: Readonly<Record<string, string>> = {
  wide: "the trust policy takes any audience",
  prefix: "the trust policy takes any audience that begins with the right one",
  gone: "there is no such role",
  narrow: "the trust policy asks for another organisation's audience",
  oidc: "the account has an identity provider of its own for Google",
  stale: "AWS calls our token expired",
  fresh: "AWS calls our first token expired, and takes the next",
  idp: "AWS does not reach Google",
  policy: "AWS does not like our session policy",
  short: "sessions of an hour are refused",
  half: "right audience taken, wrong one throttled",
  slow: "throttled",
  outage: "503",
  html: "a captive portal's page",
  hang: "no answer",
  ...costWords,
};

/** Words at the end of an access key id. */
const keyWords: Readonly<Record<string, string>> = {
  gone: "the key was deleted or deactivated",
  wrong: "the secret is another one's",
  late: "our clock is behind",
  early: "our clock is ahead",
  denied: "a policy keeps the key from being used",
  optin: "the account is not signed up",
  root: "the root user's key",
  nofed: "sts:GetFederationToken is not allowed",
  slow: "throttled",
  outage: "503",
  html: "a captive portal's page",
  hang: "no answer",
  ...costWords,
};

const roleRefusals: Readonly<Record<string, string>> = {
  gone: "assume_denied",
  oidc: "no_provider",
  stale: "token_expired",
  idp: "idp_unreachable",
  policy: "policy_too_large",
  slow: "throttling",
  outage: "unavailable",
  html: "html",
  hang: "hang",
};

const keyRefusals: Readonly<Record<string, string>> = {
  gone: "unknown_key",
  late: "clock_behind",
  early: "clock_ahead",
  denied: "denied",
  optin: "opt_in",
  slow: "throttling",
  outage: "unavailable",
  html: "html",
  hang: "hang",
};

function named(name: string): Fixture {
  const found = [...keyAnswers, ...roleAnswers, ...costAnswers, ...transportAnswers].find((one) => one.name === name);
  if (found === undefined) throw new Error(`no answer of AWS is called ${name}`);
  return found;
}

const headers = () => ({ "x-amzn-requestid": "{request_id}" });

/** Whose role it is stands in its path, `role/for/<organisation>/…`; without one it is acme's. */
export const awsRole: Cloud = {
  prefix: "aws-role",
  endpoints,
  answers: [...roleAnswers, ...costAnswers],
  headers,
  words: roleWords,
  credential: (word) => ({ role_arn: `arn:aws:iam::${ACCOUNT}:role/CloudAct-${word ?? "CostReader"}` }),
  metadata: { account_id: ACCOUNT },
  answer(asked) {
    const form = new URLSearchParams(asked.body);
    if (asked.endpoint === "sts" && form.get("Action") === "AssumeRoleWithWebIdentity") return assume(form, asked);
    return signedAnswer(asked, awsRole.prefix);
  },
};

export const awsKeys: Cloud = {
  prefix: "aws-keys",
  endpoints,
  answers: [...keyAnswers, ...costAnswers],
  headers,
  words: keyWords,
  credential(word) {
    const id = keyIdOf(word ?? "good");
    return { access_key_id: id, secret_access_key: word === "wrong" ? secretOf("another key") : secretOf(id) };
  },
  metadata: { account_id: ACCOUNT },
  answer: (asked) => signedAnswer(asked, awsKeys.prefix),
};

/** Milliseconds that were slept in tests without being waited for. */
let skippedMs = 0;
/** Lets time pass in AWS without waiting. */
export function skip(ms: number): void {
  skippedMs += ms;
}

/** Roles that had their first, refused answer. */
const refusedOnce = new Set<string>();

/** Applies the trust policy of the role to the token, as the parameters are in order. */
function assume(form: URLSearchParams, { method, headers, nowMs }: CloudAsked): Fixture {
  const arn = form.get("RoleArn") ?? "";
  const [, account = "", path = "", role = ""] =
    /^arn:aws:iam::(\d{12}):role\/((?:.+\/)?)([\w+=,.@-]{1,64})$/.exec(arn) ?? [];
  const session = form.get("RoleSessionName") ?? "";
  const seconds = Number(form.get("DurationSeconds"));
  if (headers["authorization"] !== undefined || method !== "POST") return named("signature_incomplete");
  if (role === "") return named("arn_invalid");
  if (!/^[\w+=,.@-]{2,64}$/.test(session) || seconds < 900 || seconds > 43_200) return named("validation_other");
  if (!isPolicy(form.get("Policy") ?? "")) return named("policy_malformed");
  const claims = claimsOf(form.get("WebIdentityToken") ?? "");
  if (claims === null) return named("not_a_jwt");
  const said = /^CloudAct-([a-z]+)$/.exec(role)?.[1] ?? "";
  const word = Object.hasOwn(roleWords, said) ? said : "";
  const refusal = roleRefusals[word];
  if (refusal !== undefined) return named(refusal);
  if (word === "fresh" && !refusedOnce.has(`${arn} ${claims.aud}`)) {
    refusedOnce.add(`${arn} ${claims.aud}`);
    return named("token_expired");
  }
  if (word === "short" && seconds > 900) return named("session_too_long");
  const org = /^for\/(.+)\/$/.exec(path)?.[1] ?? "acme";
  const end = word === "prefix" ? "" : "$";
  const isOwn = word !== "narrow" && new RegExp(`^cloudact-integrations:[^:]+:${org}${end}`).test(claims.aud);
  if (word === "half" && !isOwn) return named("throttling");
  const isOurs = /^\d{21}$/.test(claims.sub) && claims.azp === claims.sub;
  if (!isOurs || (!isOwn && word !== "wide")) return named("assume_denied");
  const holder = { arn: `arn:aws:sts::${account}:assumed-role/${role}/${session}`, word };
  return assumed(holder.arn, claims.sub, sessionOf(holder), seconds, nowMs);
}

/** A session policy: JSON, within the 2,048 characters that AWS takes. */
function isPolicy(text: string): boolean {
  try {
    const policy: unknown = JSON.parse(text);
    return text.length <= 2_048 && typeof policy === "object" && policy !== null && "Statement" in policy;
  } catch {
    return false;
  }
}

/** When a key id was last used with a wrong secret: for five seconds AWS does not look at it again. */
const wrongAt = new Map<string, number>();

/** Verifies the signature as AWS does, then answers as the key's word decides. */
function signedAnswer(asked: CloudAsked, prefix: string): Fixture {
  const by = claimed(asked.headers);
  if (by === null) return named("token_missing");
  const service = asked.endpoint === "exports" ? "bcm-data-exports" : asked.endpoint;
  if (by.region !== "us-east-1" || by.service !== service) return named("signature_incomplete");
  const token = asked.headers["x-amz-security-token"];
  const holder = token === undefined ? userOf(by.keyId) : holderOf(by.keyId, token);
  if (holder === null) return named("unknown_key");
  const refusal = token === undefined ? keyRefusals[holder.word] : undefined;
  if (refusal !== undefined && refusal !== "denied") return named(refusal);
  const nowMs = asked.nowMs + skippedMs;
  const isRemembered = nowMs - (wrongAt.get(by.keyId) ?? Number.NEGATIVE_INFINITY) < 5_000;
  if (isRemembered || !isSignedWith(secretOf(by.keyId), asked, prefix)) {
    if (!isRemembered) wrongAt.set(by.keyId, nowMs);
    return named("wrong_secret");
  }
  if (refusal !== undefined) return named(refusal);
  switch (asked.endpoint) {
    case "sts":
      return stsAnswer(asked, holder);
    case "iam":
      return iamAnswer(asked, holder);
    default:
      return exportsAnswer(asked, holder);
  }
}

/** Access keys of another account, or none, are not known here. */
function userOf(keyId: string): Holder | null {
  const word = wordOf(keyId);
  if (keyId !== keyIdOf(word)) return null;
  const arn =
    word === "root" ? `arn:aws:iam::${ACCOUNT}:root` : `arn:aws:iam::${ACCOUNT}:user/finops/CloudActCostReader`;
  return { arn, word };
}

function stsAnswer({ body, nowMs }: CloudAsked, { arn, word }: Holder): Fixture {
  const form = new URLSearchParams(body);
  if (form.get("Action") === "GetCallerIdentity") return identity(arn, arn.split(":")[4] ?? "");
  if (form.get("Action") !== "GetFederationToken") return named("unknown_code");
  const name = form.get("Name") ?? "";
  if (!/^[\w+=,.@-]{2,32}$/.test(name)) return named("validation_other");
  if (!isPolicy(form.get("Policy") ?? "")) return named("policy_malformed");
  if (word === "nofed") return named("federation_denied");
  const holder = { arn: `arn:aws:sts::${ACCOUNT}:federated-user/${name}`, word };
  return federated(name, ACCOUNT, sessionOf(holder), Number(form.get("DurationSeconds")), nowMs);
}

function iamAnswer({ body }: CloudAsked, { arn, word }: Holder): Fixture {
  const form = new URLSearchParams(body);
  const action = form.get("ActionNames.member.1") ?? "";
  const isRole = arn.includes(":assumed-role/");
  const isSelf = isRole
    ? form.get("PolicySourceArn")?.split("/").at(-1) === arn.split("/")[1]
    : form.get("PolicySourceArn") === arn;
  if (word === "nosim" || !isSelf) return named("simulation_denied");
  const isDenied = action.startsWith("ce:") ? word === "noce" : word === "nobuck";
  return simulated(action, isDenied ? "implicitDeny" : "allowed");
}

function exportsAnswer({ headers: given, body }: CloudAsked, { word }: Holder): Fixture {
  const target = given["x-amz-target"];
  if (word === "noexp") return named("exports_denied");
  if (target === "AWSBillingAndCostManagementDataExports.ListExports")
    return named(word === "empty" ? "exports_none" : word === "sick" ? "exports_unhealthy" : "exports_listed");
  const name = /export\/([a-z-]+?)-0{8}/.exec(body)?.[1] ?? "cloudact-costs";
  return exportOf(
    "export",
    word === "carbon" || name === "carbon" ? "CARBON_EMISSIONS" : "COST_AND_USAGE_REPORT",
    name,
  );
}
