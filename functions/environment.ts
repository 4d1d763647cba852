import { z } from "zod";
import { type CloudEnvironment, contradictions, readCloud } from "./cloud-environment.ts";
import type { Reach } from "./rights.ts";

const ENDPOINT = /^INTEGRATIONS_ENDPOINT_([A-Z0-9_]+)$/;
const localOnly: readonly (string | RegExp)[] = [
  "INTEGRATIONS_EXTRA_PROVIDERS",
  "INTEGRATIONS_CLOCK_OFFSET_S",
  "INTEGRATIONS_RATE_LIMIT",
  ENDPOINT,
];

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
  INTEGRATIONS_RATE_LIMIT: number(0, 1_000_000).optional(),
  INTEGRATIONS_CONSOLE: z.enum(["on", "off"]).optional(),
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
  /** The folder of the local backend's files; unused beside `cloud`. */
  home: string;
  port: number;
  clockOffsetS: number;
  /** Multiplies the budgets of requests; 0 for none. */
  rateLimit: number;
  audience: string;
  corsOrigins: string[];
  /** Whether the gateway serves the console: for who has no frontend, so in the cloud only where it is asked for. */
  console: boolean;
  /** Whether this is an instance on Cloud Run. */
  onPlatform: boolean;
  /** Whether this process meets callers with identity tokens. */
  verifiesTokens: boolean;
  /** Where everything stands on Google Cloud; `null` for the local backend. */
  cloud: CloudEnvironment | null;
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

/**
 * Reads the environment for a process that may reach so much. Empty values count as absent. All that is wrong is named
 * at once, never with its value.
 */
export function readEnvironment(given: Readonly<Record<string, string | undefined>>, reach: Reach): Reading {
  const present: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) if (value !== undefined && value !== "") present[name] = value;
  const problems: string[] = [];
  const onPlatform = present["K_SERVICE"] !== undefined;
  const parsed = schema.safeParse(present);
  if (!parsed.success)
    for (const issue of parsed.error.issues)
      problems.push(`${String(issue.path[0])}: ${expectations[String(issue.path[0])] ?? "is not valid"}`);
  const backend = present["INTEGRATIONS_BACKEND"] ?? "local";
  if (onPlatform && backend === "local")
    problems.push("INTEGRATIONS_BACKEND: local is refused where K_SERVICE is set; set it to gcp");
  const switches = Object.keys(present).filter((name) =>
    localOnly.some((known) => (typeof known === "string" ? known === name : known.test(name))),
  );
  problems.push(...contradictions(present, { onPlatform, backend, switches }));
  // A deployed process can only be meant for Google Cloud: what is wrong there is said at once, the backend's name besides.
  const cloud = backend === "gcp" || onPlatform ? readCloud(present, reach, problems) : null;
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
    home: data.INTEGRATIONS_HOME,
    port: data.PORT,
    clockOffsetS: data.INTEGRATIONS_CLOCK_OFFSET_S,
    rateLimit: data.INTEGRATIONS_RATE_LIMIT ?? (cloud === null ? 20 : 1),
    audience: data.OIDC_AUDIENCE,
    corsOrigins: data.CORS_ORIGINS,
    console: (data.INTEGRATIONS_CONSOLE ?? (cloud === null ? "on" : "off")) === "on",
    onPlatform,
    verifiesTokens: reach.tokens,
    cloud,
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
  INTEGRATIONS_CONSOLE: "must be on or off",
  OIDC_AUDIENCE: "must be a text of at most 200 characters",
  CORS_ORIGINS: "must be origins like https://app.example, separated by commas",
};
