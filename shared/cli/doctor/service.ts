import { baseUrl } from "../http-client.ts";
import { listAt } from "../read.ts";
import { Stop } from "../stop.ts";
import { type Check, fail, ok, skip, warn } from "./check.ts";

const TIMEOUT_MS = 10_000;
const WARN_SKEW_S = 5;
/** Identity tokens are accepted with a minute of difference. */
const FAIL_SKEW_S = 60;

interface Heard {
  check: Check;
  /** The other side's clock in ms, and ours when its answer came; `null` where nothing answered. */
  clocks: { theirs: number; ours: number } | null;
}

/** Whether the service answers at INTEGRATIONS_URL, and knows as many providers as this tool. */
export async function serviceChecks(
  environment: Readonly<Record<string, string | undefined>>,
  providers: number | null,
  elsewhere: string | null,
): Promise<Check[]> {
  const heard = await service(environment, providers);
  const clocks = heard.clocks ?? (elsewhere === null ? null : ((await ask(elsewhere))?.clocks ?? null));
  return [heard.check, clockCheck(clocks)];
}

async function service(
  environment: Readonly<Record<string, string | undefined>>,
  providers: number | null,
): Promise<Heard> {
  let base: string;
  try {
    base = baseUrl({ environment });
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    const { message, remedy } = error.problem;
    return {
      check: fail("service", message, remedy ?? "For example https://integrations.example/api/v1/integrations"),
      clocks: null,
    };
  }
  const health = await ask(new URL("/health", base).href);
  if (health === null)
    return {
      check: warn(
        "service",
        `nothing answers at ${base}`,
        "npm start, or set INTEGRATIONS_URL; commands directly on the backend do not need it",
      ),
      clocks: null,
    };
  const list = await ask(`${base}/providers`);
  const found = listAt(list?.body, "providers").length;
  if (health.status !== 200 || list === null || found === 0)
    return {
      check: fail(
        "service",
        `what answers at ${base} is not this service (status ${health.status}, ${list?.status ?? "no answer"})`,
        "Set INTEGRATIONS_URL to the address that npm start prints",
      ),
      clocks: health.clocks,
    };
  // One is the pattern of custom subscriptions, which is no provider of its own.
  const known = found - 1;
  if (providers !== null && known !== providers)
    return {
      check: warn(
        "service",
        `${base} knows ${known} providers, this tool ${providers}`,
        "Deploy both from the same version and the same extra registry file",
      ),
      clocks: health.clocks,
    };
  return { check: ok("service", `${base} answers (${health.ms} ms)`), clocks: health.clocks };
}

/** Our clock against another's. The `Date` header has whole seconds. */
export function clockCheck(clocks: Heard["clocks"]): Check {
  if (clocks === null) return skip("clock", "nothing answered that it could be compared with");
  const skewS = Math.max(0, Math.round((Math.abs(clocks.ours - clocks.theirs) - 1_000) / 1_000));
  const side = clocks.ours > clocks.theirs ? "ahead of" : "behind";
  const remedy = "Set this machine's clock by NTP: signatures and tokens of a wrong time are refused";
  if (skewS > FAIL_SKEW_S) return fail("clock", `${skewS} s ${side} that of what answered`, remedy);
  return skewS > WARN_SKEW_S
    ? warn("clock", `${skewS} s ${side} that of what answered`, remedy)
    : ok("clock", "agrees with that of what answered");
}

/** One GET without any credential; `null` where nothing answers. */
async function ask(
  url: string,
): Promise<{ status: number; body: unknown; ms: number; clocks: Heard["clocks"] } | null> {
  const from = performance.now();
  try {
    const response = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(TIMEOUT_MS) });
    const theirs = Date.parse(response.headers.get("date") ?? "");
    const ours = Date.now();
    const body: unknown = await response.json().catch(() => undefined);
    const clocks = Number.isNaN(theirs) ? null : { theirs, ours };
    return { status: response.status, body, ms: Math.round(performance.now() - from), clocks };
  } catch {
    return null;
  }
}
