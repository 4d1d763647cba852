import { createHmac, randomBytes } from "node:crypto";
import { transportAnswers } from "../answers/transport.ts";
import type { Fixture } from "../fixture.ts";
import { azureAnswers, ids } from "./azure-answers.ts";
import type { Cloud, CloudAsked } from "./cloud.ts";

/** Words in a client secret, and what each causes; every other secret of the simulator's is taken. */
const words: Readonly<Record<string, string>> = {
  wrong: "the secret is none of the application's (7000215)",
  expired: "the secret has expired (7000222)",
  unknown: "the application is not in the tenant (700016)",
  off: "the application is disabled (7000112)",
  notenant: "the tenant does not exist (90002)",
  policy: "Conditional Access keeps the application out (53003)",
  limited: "429 with Retry-After",
  busy: "503 temporarily_unavailable",
  portal: "a captive portal's 401",
  html: "a captive portal's page",
  hang: "no answer",
  redirect: "307 to a sink",
  echo: "an answer that repeats the secret everywhere",
  norole: "no role anywhere: the list of subscriptions is empty",
  elsewhere: "roles, but on another subscription",
  many: "the list of subscriptions goes on on another page",
  suspended: "the subscription is disabled",
  pastdue: "a payment for the subscription is overdue",
  armdown: "Resource Manager answers 503",
  nocosts: "a role that does not read costs",
  unreadable: "the roles cannot be read, the dimensions of costs can",
  denied401: "the roles cannot be read, and costs are refused with 401",
  denied403: "the roles cannot be read, and costs are refused with 403",
  hidden: "the roles cannot be read, and the contract hides costs",
  costlimited: "the roles cannot be read, and Cost Management is limited",
};

const SIGN_INS: Readonly<Record<string, string>> = {
  wrong: "secret_wrong",
  expired: "secret_expired",
  unknown: "application_unknown",
  off: "application_disabled",
  notenant: "tenant_unknown",
  policy: "conditional_access",
  limited: "limited",
  busy: "busy",
  portal: "portal_401",
  html: "html",
  hang: "hang",
  redirect: "redirect",
  echo: "echo",
};
const LISTS: Readonly<Record<string, string>> = {
  norole: "subscriptions_empty",
  elsewhere: "subscriptions_other",
  many: "subscriptions_page",
  suspended: "subscription_disabled",
  pastdue: "subscription_pastdue",
  armdown: "arm_down",
};
const ROLES: Readonly<Record<string, string>> = {
  armdown: "arm_down",
  nocosts: "permissions_without_costs",
  norole: "permissions_none",
  unreadable: "permissions_unreadable",
  denied401: "permissions_unreadable",
  denied403: "permissions_unreadable",
  hidden: "permissions_unreadable",
  costlimited: "permissions_unreadable",
};
const DIMENSIONS: Readonly<Record<string, string>> = {
  denied401: "costs_denied_401",
  denied403: "costs_denied_403",
  hidden: "costs_hidden",
  costlimited: "costs_limited",
};
const CLOUDS = ["", "_usgovernment", "_china"];
const SCOPES: Readonly<Record<string, string>> = {
  login: "https://management.azure.com/.default",
  login_usgovernment: "https://management.usgovcloudapi.net/.default",
  login_china: "https://management.chinacloudapi.cn/.default",
};

/** Tokens are signed by this process, so that Resource Manager takes only those that Entra gave. */
const signingKey = randomBytes(32);

export const azure: Cloud = {
  prefix: "azure",
  endpoints: {
    login: "login.microsoftonline.com",
    arm: "management.azure.com",
    login_usgovernment: "login.microsoftonline.us",
    arm_usgovernment: "management.usgovcloudapi.net",
    login_china: "login.chinacloudapi.cn",
    arm_china: "management.chinacloudapi.cn",
  },
  answers: azureAnswers,
  headers: () => ({ "x-ms-request-id": "{request_id}" }),
  words,
  credential: (word) => ({
    tenant_id: ids.tenant,
    client_id: ids.client,
    client_secret: `dem0Q~${`-${word ?? "good"}-`.padEnd(34, "0")}`,
    subscription_id: ids.subscription,
  }),
  answer: (asked) => (asked.endpoint.startsWith("login") ? signIn(asked) : manage(asked)),
};

function named(name: string): Fixture {
  const found = [...azureAnswers, ...transportAnswers].find((one) => one.name === name);
  if (found === undefined) throw new Error(`no answer of Azure is called ${name}`);
  return found;
}

/** Checks the form as Entra does, then the tenant, the application and its secret. */
function signIn({ endpoint, method, path, headers, body }: CloudAsked): Fixture {
  const form = new URLSearchParams(body);
  const [, tenant = "", rest] = /^\/([^/]+)(\/oauth2\/v2\.0\/token)$/.exec(path) ?? [];
  const isForm = headers["content-type"]?.startsWith("application/x-www-form-urlencoded") === true;
  if (method !== "POST" || rest === undefined || !isForm) return named("parameter_not_sent");
  if (!/^[0-9a-f-]{36}$/i.test(tenant)) return named("tenant_malformed");
  if (form.get("grant_type") !== "client_credentials" || !form.get("client_id")) return named("parameter_not_sent");
  if (form.get("scope") !== SCOPES[endpoint]) return named("scope");
  if (tenant.toLowerCase() !== ids.tenant) return named("tenant_unknown");
  if (form.get("client_id")?.toLowerCase() !== ids.client) return named("application_unknown");
  const secret = form.get("client_secret");
  if (!secret) return named("secret_not_sent");
  if (!/^dem0Q~.{34}$/.test(secret)) return named("secret_wrong");
  const said = /^dem0Q~-([a-z0-9]+)-/.exec(secret)?.[1] ?? "";
  const word = Object.hasOwn(words, said) ? said : "good";
  const refused = SIGN_INS[word];
  if (refused !== undefined) return named(refused);
  const cloud = endpoint.slice("login".length);
  const token = named("token");
  return { ...token, body: { ...bodyOf(token), access_token: tokenFor(word, cloud) } };
}

function bodyOf({ body }: Fixture): Exclude<Fixture["body"], string | number | boolean | null | unknown[]> {
  return typeof body === "object" && body !== null && !Array.isArray(body) ? body : {};
}

function tokenFor(word: string, cloud: string): string {
  const claims = Buffer.from(JSON.stringify({ word, cloud })).toString("base64url");
  return `eyJzaW11bGF0b3IifQ.${claims}.${createHmac("sha256", signingKey).update(`${cloud} ${word}`).digest("base64url")}`;
}

/** The word of the secret that a token stands for; `null` where Entra did not give it, or for another cloud. */
function wordOf(authorization: string | undefined, cloud: string): string | null {
  const known = ["good", ...Object.keys(words)];
  return known.find((word) => authorization === `Bearer ${tokenFor(word, cloud)}`) ?? null;
}

function manage({ endpoint, method, path, query, headers }: CloudAsked): Fixture {
  const cloud = endpoint.slice("arm".length);
  const word = CLOUDS.includes(cloud) ? wordOf(headers["authorization"], cloud) : null;
  if (word === null) return named("token_refused");
  if (method !== "GET" || !query.get("api-version")) return named("teapot");
  if (path === "/subscriptions") return named(LISTS[word] ?? "subscriptions");
  const [, id = "", rest = ""] = /^\/subscriptions\/([0-9a-f-]{36})(.*)$/i.exec(path) ?? [];
  if (id.toLowerCase() !== ids.subscription) return named("subscription_not_found");
  if (rest === "") return named(["norole", "elsewhere"].includes(word) ? "authorization_failed" : "subscription");
  if (rest === "/providers/Microsoft.Authorization/permissions") return named(ROLES[word] ?? "permissions");
  if (rest === "/providers/Microsoft.CostManagement/dimensions") return named(DIMENSIONS[word] ?? "dimensions");
  return named("teapot");
}
