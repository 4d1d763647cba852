import type { Reach } from "./rights.ts";

/** Where everything stands on Google Cloud. What the process may not reach is `null`. */
export interface CloudEnvironment {
  project: string;
  /** Dataset of the authorised views, shared with others. */
  viewsDataset: string;
  /** Private dataset of the base tables. */
  ledgerDataset: string;
  /** BigQuery location of both. */
  location: string;
  /** `projects/P/locations/L/keyRings/R/cryptoKeys/K` */
  kmsKey: string | null;
  /** `projects/P/secrets/S` */
  pepperSecret: string | null;
  /** Numeric id of `integrations-aws`. */
  awsSubject: string | null;
  /** Whether this process may mint its tokens; it may be shown to customers without. */
  mintsAws: boolean;
  keyEnvironment: "live" | "test";
  /** Until when keys of the older table are taken, RFC 3339; `null` for never. */
  legacyKeysUntil: string | null;
  /** The static address that providers see; `null` where there is none. */
  egressAddress: string | null;
  /** Where tests have put emulators; `null` for Google's own. */
  endpoints: CloudEndpoints | null;
}

export interface CloudEndpoints {
  kms: string;
  bigquery: string;
  secretManager: string;
  iamCredentials: string;
  jwks: string;
}

const endpointNames = {
  kms: "KMS_API_ENDPOINT",
  bigquery: "BIGQUERY_API_ENDPOINT",
  secretManager: "SECRET_MANAGER_API_ENDPOINT",
  iamCredentials: "IAM_CREDENTIALS_API_ENDPOINT",
  jwks: "OIDC_JWKS_URL",
} as const satisfies Record<keyof CloudEndpoints, string>;

/** What sends Google's clients elsewhere: only tests do. */
const testOnly: readonly string[] = [...Object.values(endpointNames), "GCE_METADATA_HOST", "GCE_METADATA_IP"];
/** What Google's own client would follow past every check of an endpoint. Nobody here uses it, tests neither. */
const OVERRULING = "BIGQUERY_EMULATOR_HOST";
const LOOPBACK = /^http:\/\/127\.0\.0\.1:\d{1,5}(?:\/[A-Za-z0-9/._-]*)?$/;

const DATASET = /^[A-Za-z0-9_]{1,1024}$/;
const DATE = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d{1,3})?Z)?$/;

interface Shape {
  shape: RegExp;
  expected: string;
}
const shapes = {
  GOOGLE_CLOUD_PROJECT: { shape: /^[a-z][a-z0-9-]{4,28}[a-z0-9]$/, expected: "must be a project id" },
  BIGQUERY_DATASET: { shape: DATASET, expected: "must be a dataset id, of the authorised views (organizations)" },
  BIGQUERY_LEDGER_DATASET: { shape: DATASET, expected: "must be a dataset id, of the private tables (integrations)" },
  BIGQUERY_LOCATION: {
    shape: /^[A-Za-z][A-Za-z0-9-]{1,40}$/,
    expected: "must be a BigQuery location like US or europe-west1",
  },
  KMS_KEY: {
    shape:
      /^projects\/[a-z0-9:.-]+\/locations\/[a-z0-9-]+\/keyRings\/[A-Za-z0-9_-]{1,63}\/cryptoKeys\/[A-Za-z0-9_-]{1,63}$/,
    expected: "must be projects/P/locations/L/keyRings/R/cryptoKeys/K, without a version",
  },
  PEPPER_SECRET: {
    shape: /^projects\/[a-z0-9:.-]+\/secrets\/[A-Za-z0-9_-]{1,255}$/,
    expected: "must be projects/P/secrets/S, without a version",
  },
  AWS_FEDERATION_SUBJECT: {
    shape: /^\d{15,30}$/,
    expected: "must be the numeric id of the service account integrations-aws",
  },
  INTEGRATIONS_KEY_ENV: { shape: /^(?:live|test)$/, expected: "must be live or test" },
  EGRESS_ADDRESS: { shape: /^\d{1,3}(?:\.\d{1,3}){3}$/, expected: "must be an IPv4 address" },
  LEGACY_KEYS_UNTIL: { shape: DATE, expected: "must be a date like 2027-03-31, or a time in UTC with Z" },
} as const satisfies Record<string, Shape>;

/** Reads what the gcp backend needs for this reach, and adds what is wrong or missing. */
export function readCloud(
  present: Readonly<Record<string, string>>,
  reach: Reach,
  problems: string[],
): CloudEnvironment | null {
  const before = problems.length;
  const read = (name: keyof typeof shapes, need: "required" | "optional"): string | null => {
    const value = present[name];
    if (value === undefined) {
      if (need === "required") problems.push(`${name}: is missing; it ${shapes[name].expected}`);
      return null;
    }
    if (shapes[name].shape.test(value)) return value;
    problems.push(`${name}: ${shapes[name].expected}`);
    return null;
  };
  const where = {
    project: read("GOOGLE_CLOUD_PROJECT", "required") ?? "",
    viewsDataset: read("BIGQUERY_DATASET", "required") ?? "",
    ledgerDataset: read("BIGQUERY_LEDGER_DATASET", "required") ?? "",
    location: read("BIGQUERY_LOCATION", "required") ?? "",
    kmsKey: reach.key ? read("KMS_KEY", "required") : null,
    pepperSecret: reach.pepper ? read("PEPPER_SECRET", "required") : null,
    awsSubject: reach.aws || reach.showsAws ? read("AWS_FEDERATION_SUBJECT", "required") : null,
    keyEnvironment: reach.pepper ? read("INTEGRATIONS_KEY_ENV", "required") : "test",
    egressAddress: read("EGRESS_ADDRESS", "optional"),
    legacyKeysUntil: reach.pepper ? readUntil(read("LEGACY_KEYS_UNTIL", "optional"), problems) : null,
  };
  if (where.viewsDataset !== "" && where.viewsDataset === where.ledgerDataset)
    problems.push("BIGQUERY_LEDGER_DATASET: must be another dataset than BIGQUERY_DATASET, which others may read");
  return problems.length > before
    ? null
    : {
        ...where,
        mintsAws: reach.aws,
        keyEnvironment: where.keyEnvironment === "live" ? "live" : "test",
        endpoints: readEndpoints(present),
      };
}

/** A date alone holds to its end. */
function readUntil(text: string | null, problems: string[]): string | null {
  if (text === null) return null;
  const time = new Date(text.length === 10 ? `${text}T23:59:59Z` : text);
  // A 30th of February is read as a day in March, where it is read at all.
  if (!Number.isNaN(time.getTime()) && time.toISOString().startsWith(text.slice(0, 10))) return time.toISOString();
  problems.push(`LEGACY_KEYS_UNTIL: ${shapes.LEGACY_KEYS_UNTIL.expected}`);
  return null;
}

function readEndpoints(present: Readonly<Record<string, string>>): CloudEndpoints | null {
  const read = (name: keyof CloudEndpoints) => present[endpointNames[name]] ?? "";
  if (read("kms") === "") return null;
  return {
    kms: read("kms"),
    bigquery: read("bigquery"),
    secretManager: read("secretManager"),
    iamCredentials: read("iamCredentials"),
    jwks: read("jwks"),
  };
}

/**
 * What does not go together. On Cloud Run nothing may send a client elsewhere; beside the gcp backend the switches of
 * local running are for tests, which put every Google service on loopback, so that no customer's key meets an emulator
 * and no emulator's a customer.
 */
export function contradictions(
  present: Readonly<Record<string, string>>,
  { onPlatform, backend, switches }: { onPlatform: boolean; backend: string; switches: readonly string[] },
): string[] {
  const emulated = testOnly.filter((name) => present[name] !== undefined);
  const overruled =
    present[OVERRULING] === undefined ? [] : [`${OVERRULING}: would send statements elsewhere; remove it`];
  if (onPlatform)
    return [
      ...overruled,
      ...[...switches, ...emulated].map((name) => `${name}: is for local running and tests only; remove it`),
    ];
  if (backend !== "gcp") {
    const meant = ["KMS_KEY", "BIGQUERY_LEDGER_DATASET", "PEPPER_SECRET"].filter((name) => present[name] !== undefined);
    return present["INTEGRATIONS_BACKEND"] === undefined
      ? meant.map(
          (name) => `${name}: belongs to the gcp backend; set INTEGRATIONS_BACKEND to gcp, or to local to ignore it`,
        )
      : [];
  }
  const named = Object.values(endpointNames);
  const given = named.filter((name) => present[name] !== undefined);
  const missing = given.length > 0 ? named.filter((name) => present[name] === undefined) : [];
  return [
    ...overruled,
    ...missing.map(
      (name) => `${name}: is missing beside ${given[0]}; a test gives all ${named.length} endpoints or none`,
    ),
    ...given
      .filter((name) => !LOOPBACK.test(present[name] ?? ""))
      .map((name) => `${name}: must be a URL on loopback like http://127.0.0.1:9050`),
    ...(given.length === 0 ? switches.map((name) => `${name}: is for local running and tests only; remove it`) : []),
  ];
}
