export const providerCodes = [
  "OPENAI",
  "ANTHROPIC",
  "GEMINI",
  "DEEPSEEK",
  "MISTRAL",
  "GROQ",
  "XAI",
  "COHERE",
  "PERPLEXITY",
  "OPENROUTER",
  "TOGETHER",
  "FIREWORKS",
] as const;
export type ProviderCode = (typeof providerCodes)[number];

/** Words in a key that decide how the provider answers it. The first that is found counts. */
export const answerMarkers = [
  "revoked",
  "expired",
  "limited",
  "outage",
  "noscope",
  "forbidden",
  "region",
  "billing",
  "leaked",
  "ipblock",
  "wrongorg",
] as const;
export const transportMarkers = ["hang", "drip", "html", "huge", "redirect", "echo"] as const;
export const markers = [...answerMarkers, ...transportMarkers, "flaky"] as const;
export type AnswerMarker = (typeof answerMarkers)[number];
export type Marker = (typeof markers)[number];

/** A question as the provider's own host would see it. */
export interface Asked {
  method: string;
  /** Without the simulators' prefix and without the query. */
  path: string;
  headers: Readonly<Record<string, string>>;
  key: string;
}

/** Name of an answer; `null` lets a good key's answer through. */
type Answer = string | ((asked: Asked) => string | null);

export interface Route {
  method: "GET" | "POST";
  path: RegExp;
  answer: Answer;
  /** Answers without a key, as some model lists do. */
  isPublic?: boolean;
}

export interface Profile {
  /** First segment of the path, and the host that it stands for. */
  prefix: string;
  host: string;
  /** What the registry's endpoint `api` has after its host. */
  base: string;
  /** Headers that may carry the key; `authorization` means a bearer token. */
  keyHeaders: readonly string[];
  shape: RegExp;
  /** What the provider sends with every answer; `{request_id}` is filled in. */
  headers: Record<string, string>;
  /** Asked before the key is looked at. */
  before?: (asked: Asked) => string | null;
  malformed?: (key: string) => string;
  markers: Partial<Record<AnswerMarker, Answer>>;
  routes: readonly Route[];
}

const get = (path: RegExp, answer: Answer): Route => ({ method: "GET", path, answer });
const post = (path: RegExp, answer: Answer): Route => ({ method: "POST", path, answer });
const open = (path: RegExp, answer: Answer): Route => ({ method: "GET", path, answer, isPublic: true });

const isOpenaiAdmin = (key: string): boolean => key.startsWith("sk-admin-");
const isAnthropicAdmin = (key: string): boolean => /^sk-ant-admin\d\d-/.test(key);
/** Claude Enterprise keys carry selected scopes; here always `read:analytics`. */
const readsAnalytics = (key: string): boolean => isAnthropicAdmin(key) || key.startsWith("sk-ant-api01-");
const adminOnly =
  (name: string): Answer =>
  ({ key }) =>
    isAnthropicAdmin(key) ? name : "rejected";
/** As `adminOnly`, and for keys of a person or service account without a workspace: those that say "unscoped". */
const organizationOnly =
  (name: string): Answer =>
  ({ key }) =>
    isAnthropicAdmin(key) || key.includes("unscoped") ? name : "rejected";

export const profiles: Readonly<Record<ProviderCode, Profile>> = {
  OPENAI: {
    prefix: "openai",
    host: "api.openai.com",
    base: "/v1",
    keyHeaders: ["authorization"],
    shape: /^sk-(?!ant-|or-)[A-Za-z0-9_-]{20,300}$/,
    headers: {
      "x-request-id": "{request_id}",
      "openai-version": "2020-10-01",
      "openai-processing-ms": "12",
      "x-ratelimit-limit-requests": "500",
      "x-ratelimit-remaining-requests": "499",
      "x-ratelimit-reset-requests": "120ms",
    },
    before: ({ headers }) => {
      if (headers["openai-organization"]?.includes("wrong") === true) return "wrong_org";
      return headers["openai-project"]?.includes("wrong") === true ? "wrong_project" : null;
    },
    markers: {
      noscope: ({ key }) => (isOpenaiAdmin(key) ? "missing_scope_usage" : null),
      forbidden: "no_member",
      ipblock: "ip_block",
      billing: "no_quota",
      wrongorg: ({ headers }) => (headers["openai-organization"] === undefined ? null : "wrong_org"),
    },
    routes: [
      get(/^\/v1\/models$/, ({ key }) =>
        isOpenaiAdmin(key) || key.includes("noscope") ? "missing_scope_models" : "ok",
      ),
      get(/^\/v1\/organization\/costs$/, ({ key }) => (isOpenaiAdmin(key) ? "costs" : "missing_scope_usage")),
      get(/^\/v1\/organization\/usage\/[a-z_]+$/, ({ key }) => (isOpenaiAdmin(key) ? "usage" : "missing_scope_usage")),
      get(/^\/v1\/organization\/admin_api_keys$/, ({ key }) => {
        if (!isOpenaiAdmin(key)) return "missing_scope_admin_keys";
        return key.includes("expiring") ? "admin_keys_expiring" : "admin_keys";
      }),
    ],
  },
  ANTHROPIC: {
    prefix: "anthropic",
    host: "api.anthropic.com",
    base: "",
    keyHeaders: ["authorization", "x-api-key"],
    shape: /^sk-ant-(?:api|admin|oat)\d\d-[A-Za-z0-9_-]{20,300}$/,
    headers: {
      "request-id": "{request_id}",
      "anthropic-organization-id": "00000000-0000-4000-8000-000000000001",
      "anthropic-ratelimit-requests-limit": "50",
      "anthropic-ratelimit-requests-remaining": "49",
      "anthropic-ratelimit-requests-reset": "{iso:0}",
    },
    before: ({ headers }) => (headers["anthropic-version"] === undefined ? "no_version" : null),
    markers: {
      noscope: ({ key, path }) => (isAnthropicAdmin(key) && path === "/v1/organizations/me" ? null : "missing_scope"),
      forbidden: "forbidden",
      ipblock: "egress_restricted",
      wrongorg: "on_hold",
    },
    routes: [
      get(/^\/v1\/models$/, ({ key }) => {
        if (key.startsWith("sk-ant-oat")) return "oauth_token";
        // How a key that is not for models is turned away is unverified: "nomodels401" and "nomodels403" are both truths.
        if (key.includes("nomodels403")) return "missing_scope";
        return isAnthropicAdmin(key) || key.includes("nomodels401") ? "rejected" : "ok";
      }),
      get(/^\/v1\/organizations\/me$/, adminOnly("organization")),
      get(/^\/v1\/organizations\/cost_report$/, organizationOnly("cost_report")),
      get(/^\/v1\/organizations\/usage_report\/messages$/, organizationOnly("usage_report")),
      // Whether admin keys are listed is unverified: "expiring" ones are.
      get(/^\/v1\/organizations\/api_keys$/, ({ key }) => {
        if (!isAnthropicAdmin(key)) return "rejected";
        return key.includes("expiring") ? "api_keys_with_admin" : "api_keys";
      }),
      get(/^\/v1\/organizations\/analytics\/(?:cost|usage)$/, ({ key }) =>
        readsAnalytics(key) ? "analytics" : "missing_scope",
      ),
    ],
  },
  GEMINI: {
    prefix: "gemini",
    host: "generativelanguage.googleapis.com",
    base: "",
    keyHeaders: ["x-goog-api-key"],
    shape: /^(?:AIza[A-Za-z0-9_-]{30,60}|AQ\.[A-Za-z0-9_.-]{20,300})$/,
    headers: { "server-timing": "gfet4t7; dur=12", vary: "Origin, X-Origin, Referer", "x-frame-options": "SAMEORIGIN" },
    malformed: (key) => (key.startsWith("AQ.") ? "key_type" : "rejected"),
    markers: {
      expired: "expired",
      leaked: "leaked",
      noscope: "service_blocked",
      forbidden: "service_disabled",
      ipblock: "ip_block",
      billing: "billing",
      wrongorg: "service_disabled",
    },
    routes: [get(/^\/v1(?:beta)?\/models$/, "ok"), get(/^\/v1(?:beta)?\/models\/[\w.-]+$/, "model")],
  },
  DEEPSEEK: {
    prefix: "deepseek",
    host: "api.deepseek.com",
    base: "",
    keyHeaders: ["authorization"],
    shape: /^sk-[A-Za-z0-9]{20,120}$/,
    headers: { "x-ds-trace-id": "{request_id}" },
    markers: { region: "forbidden" },
    routes: [get(/^(?:\/v1)?\/user\/balance$/, "ok"), get(/^(?:\/v1)?\/models$/, "models")],
  },
  MISTRAL: {
    prefix: "mistral",
    host: "api.mistral.ai",
    base: "",
    keyHeaders: ["authorization"],
    shape: /^(?!sk-|xai-|gsk_|pplx-|tgp_|fw_|AIza|AQ\.)[A-Za-z0-9_-]{20,200}$/,
    headers: {
      "x-kong-request-id": "{request_id}",
      "mistral-correlation-id": "{request_id}",
      "x-ratelimit-remaining-req-minute": "59",
    },
    markers: {},
    routes: [get(/^\/v1\/models$/, "ok")],
  },
  GROQ: {
    prefix: "groq",
    host: "api.groq.com",
    base: "",
    keyHeaders: ["authorization"],
    shape: /^gsk_[A-Za-z0-9_-]{20,200}$/,
    headers: { "x-request-id": "{request_id}", "x-groq-region": "sim", "x-ratelimit-remaining-requests": "999" },
    markers: {
      expired: "expired",
      forbidden: "org_restricted",
      wrongorg: "org_restricted",
      region: "network_blocked",
      ipblock: "network_blocked",
      noscope: "model_blocked",
    },
    routes: [get(/^\/openai\/v1\/models$/, "ok")],
  },
  XAI: {
    prefix: "xai",
    host: "api.x.ai",
    base: "",
    keyHeaders: ["authorization"],
    shape: /^xai-[A-Za-z0-9_-]{20,300}$/,
    headers: { "x-request-id": "{request_id}" },
    markers: {},
    routes: [get(/^\/v1\/api-key$/, "ok"), get(/^\/v1\/models$/, "models")],
  },
  COHERE: {
    prefix: "cohere",
    host: "api.cohere.com",
    base: "",
    keyHeaders: ["authorization"],
    shape: /^(?!sk-|xai-|gsk_|pplx-|tgp_|fw_|AIza|AQ\.)[A-Za-z0-9_-]{20,200}$/,
    headers: {
      "x-debug-trace-id": "{request_id}",
      "x-endpoint-monthly-call-limit": "1000",
      "x-trial-endpoint-call-limit": "40",
      "x-trial-endpoint-call-remaining": "39",
    },
    markers: {},
    routes: [post(/^\/v[12]\/check-api-key$/, "ok"), get(/^\/v1\/models$/, "models")],
  },
  PERPLEXITY: {
    prefix: "perplexity",
    host: "api.perplexity.ai",
    base: "",
    keyHeaders: ["authorization"],
    shape: /^pplx-[A-Za-z0-9_-]{20,200}$/,
    headers: { "x-request-id": "{request_id}", "cf-cache-status": "DYNAMIC" },
    markers: {},
    routes: [
      get(/^(?:\/v1)?\/async\/(?:chat\/completions|sonar)$/, "ok"),
      get(/^\/router\/v1\/models$/, "models"),
      open(/^\/v1\/models$/, "models"),
      post(/^(?:\/chat\/completions|\/v1\/sonar)$/, "bad_request"),
    ],
  },
  OPENROUTER: {
    prefix: "openrouter",
    host: "openrouter.ai",
    base: "",
    keyHeaders: ["authorization"],
    shape: /^sk-or-[A-Za-z0-9_-]{20,200}$/,
    headers: { "x-request-id": "{request_id}" },
    markers: {},
    routes: [
      open(/^\/api\/v1\/models$/, "models"),
      get(/^\/api\/v1\/(?:auth\/)?key$/, ({ key }) => (key.includes("expiring") ? "ok_expiring" : "ok")),
      get(/^\/api\/v1\/credits$/, "credits"),
      get(/^\/api\/v1\/(?:keys|activity)$/, "management_only"),
    ],
  },
  TOGETHER: {
    prefix: "together",
    host: "api.together.ai",
    base: "",
    keyHeaders: ["authorization"],
    shape: /^(?!sk-|xai-|gsk_|pplx-|fw_|AIza|AQ\.)[A-Za-z0-9_-]{20,200}$/,
    headers: { "x-request-id": "{request_id}", "x-ratelimit-limit": "60", "x-ratelimit-remaining": "59" },
    markers: {},
    routes: [get(/^\/v1\/files$/, "ok"), get(/^\/v1\/models$/, "models")],
  },
  FIREWORKS: {
    prefix: "fireworks",
    host: "api.fireworks.ai",
    base: "",
    keyHeaders: ["authorization"],
    shape: /^(?:fw|fpk)_[A-Za-z0-9_-]{16,200}$/,
    headers: { "x-request-id": "{request_id}", "x-ratelimit-limit-requests": "600" },
    markers: {},
    routes: [
      get(/^\/inference\/v1\/models$/, "ok"),
      get(/^\/v1\/accounts$/, ({ key }) => (key.startsWith("fpk_") ? "fire_pass" : "accounts")),
      get(/^\/v1\/accounts\/[\w-]+\/models$/, "catalog"),
    ],
  },
};

/** What stands for a marker where the provider has no answer of its own for it. */
export const usualAnswers: Readonly<Record<AnswerMarker, string>> = {
  revoked: "rejected",
  expired: "rejected",
  leaked: "rejected",
  limited: "limited",
  outage: "outage",
  billing: "billing",
  region: "region",
  forbidden: "forbidden",
  noscope: "forbidden",
  ipblock: "forbidden",
  wrongorg: "forbidden",
};
