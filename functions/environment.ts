import { z } from "zod";

const localOnly = ["INTEGRATIONS_EXTRA_PROVIDERS", "INTEGRATIONS_CLOCK_OFFSET_S", "INTEGRATIONS_RATE_LIMIT"] as const;
const testOnly = [
  "KMS_API_ENDPOINT",
  "BIGQUERY_API_ENDPOINT",
  "SECRET_MANAGER_API_ENDPOINT",
  "IAM_CREDENTIALS_API_ENDPOINT",
  "OIDC_JWKS_URL",
] as const;
const ENDPOINT = /^INTEGRATIONS_ENDPOINT_([A-Z0-9_]+)$/;

const number = (low: number, high: number) =>
  z
    .string()
    .regex(/^-?\d+(?:\.\d+)?$/)
    .transform(Number)
    .pipe(z.number().min(low).max(high));

const schema = z.object({
  INTEGRATIONS_BACKEND: z.enum(["local", "gcp"]).default("local"),
  INTEGRATIONS_HOME: z.string().min(1).default(".integrations"),
  PORT: number(0, 65_535).pipe(z.int()).default(8_000),
  INTEGRATIONS_EXTRA_PROVIDERS: z.string().min(1).optional(),
  INTEGRATIONS_CLOCK_OFFSET_S: number(-315_360_000, 315_360_000).default(0),
  INTEGRATIONS_RATE_LIMIT: number(0, 1_000_000).default(20),
  OIDC_AUDIENCE: z.string().min(1).max(200).default("cloudact-integrations-decrypt"),
  CORS_ORIGINS: z
    .string()
    .default("")
    .transform((text) =>
      text
        .split(",")
        .map((origin) => origin.trim())
        .filter((origin) => origin !== ""),
    )
    .pipe(z.array(z.string().regex(/^https?:\/\/[A-Za-z0-9.-]+(?::\d+)?$/))),
});

/** What the environment says, checked. */
export interface Environment {
  backend: "local";
  home: string;
  port: number;
  clockOffsetS: number;
  rateLimit: number;
  audience: string;
  corsOrigins: string[];
  /** Whether this is an instance on Cloud Run. */
  onPlatform: boolean;
}

/** Everything that is wrong with the environment, a line each. */
export class EnvironmentError extends Error {
  override readonly name = "EnvironmentError";

  constructor(problems: readonly string[]) {
    super(`The environment is not usable:\n${problems.map((line) => `  ${line.replaceAll("\n", "\n  ")}`).join("\n")}`);
  }
}

/** What was read: the environment, or what is wrong with it, and in any case what the registry needs of it. */
export interface Reading {
  environment: Environment | null;
  problems: string[];
  extraProviders: string | null;
  endpoints: ReadonlyMap<string, string>;
}

/** Reads the environment. Empty values count as absent. All that is wrong is named at once, never with its value. */
export function readEnvironment(given: Readonly<Record<string, string | undefined>>): Reading {
  const present = Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) => (value === undefined || value === "" ? [] : [[name, value]])),
  );
  const problems: string[] = [];
  const onPlatform = present["K_SERVICE"] !== undefined;
  const parsed = schema.safeParse(present);
  if (!parsed.success)
    for (const issue of parsed.error.issues)
      problems.push(`${String(issue.path[0])}: ${expectations[String(issue.path[0])] ?? "is not valid"}`);
  const backend = present["INTEGRATIONS_BACKEND"] ?? "local";
  if (onPlatform && backend === "local")
    problems.push("INTEGRATIONS_BACKEND: local is refused where K_SERVICE is set; set it to gcp");
  if (backend === "gcp") problems.push("INTEGRATIONS_BACKEND: gcp is not part of this build yet; use local");
  const switches = Object.keys(present).filter(
    (name) => ENDPOINT.test(name) || [...localOnly, ...testOnly].some((known) => known === name),
  );
  if (onPlatform || backend === "gcp")
    for (const name of switches) problems.push(`${name}: is for local running and tests only; remove it`);
  const extraProviders = present["INTEGRATIONS_EXTRA_PROVIDERS"] ?? null;
  const endpoints = new Map(
    Object.entries(present).flatMap(([name, value]) => {
      const key = ENDPOINT.exec(name)?.[1];
      return key === undefined ? [] : [[key, value] as const];
    }),
  );
  if (problems.length > 0 || !parsed.success) return { environment: null, problems, extraProviders, endpoints };
  const { data } = parsed;
  const environment: Environment = {
    backend: "local",
    home: data.INTEGRATIONS_HOME,
    port: data.PORT,
    clockOffsetS: data.INTEGRATIONS_CLOCK_OFFSET_S,
    rateLimit: data.INTEGRATIONS_RATE_LIMIT,
    audience: data.OIDC_AUDIENCE,
    corsOrigins: data.CORS_ORIGINS,
    onPlatform,
  };
  return { environment, problems, extraProviders, endpoints };
}

const expectations: Readonly<Record<string, string>> = {
  INTEGRATIONS_BACKEND: "must be local or gcp",
  INTEGRATIONS_HOME: "must be a folder",
  PORT: "must be a whole number from 0 to 65535",
  INTEGRATIONS_EXTRA_PROVIDERS: "must be a file",
  INTEGRATIONS_CLOCK_OFFSET_S: "must be a number of seconds",
  INTEGRATIONS_RATE_LIMIT: "must be a number, 0 for no limits",
  OIDC_AUDIENCE: "must be a text of at most 200 characters",
  CORS_ORIGINS: "must be origins like https://app.example, separated by commas",
};
