import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { userInfo } from "node:os";
import type { Parts } from "../../functions/parts.ts";
import { Fault } from "../contract/fault.ts";
import type { Context } from "./command.ts";
import { exits, Stop } from "./stop.ts";
import { plain } from "./terminal.ts";

/** The service's own parts, and who works with them. */
export interface Backend {
  parts: Parts;
  /** The account of the operating system, `[A-Za-z0-9_.@-]`. */
  operator: string;
}

/**
 * Opens the store and the keys beside a service that may be running, and closes them afterwards.
 *
 * @param makesHome false for what only reads: an empty home in a mistyped place would look like an empty organisation
 * @throws Stop unavailable where environment, registry or home are not usable; and for every fault of the work
 */
export async function onBackend<Result>(
  { terminal }: Context,
  work: (backend: Backend) => Promise<Result>,
  { makesHome = true }: { makesHome?: boolean } = {},
): Promise<Result> {
  const parts = await open(makesHome);
  const log: Parts["log"] = (severity, event, fields = {}) => {
    if (!terminal.stderrIsTty) return parts.log(severity, event, fields);
    if (severity === "DEBUG" || severity === "INFO") return;
    const words = Object.entries(fields).map(([name, value]) => `${name}=${plain(String(value))}`);
    terminal.note(terminal.tone("faint", [severity, event, ...words].join(" "), "stderr"));
  };
  try {
    return await work({ parts: { ...parts, log }, operator: operatorName() });
  } catch (error) {
    throw error instanceof Fault ? stopOf(error) : error;
  } finally {
    parts.store.close();
  }
}

/** What an act of an operator is about. */
export interface Act {
  operation: string;
  orgs: readonly string[];
  provider?: string | null;
  /** Id of the key or grant, or the subject of a token; `null` where it is about none. */
  target: string | null;
}

/**
 * Acts, and writes one audit record for each organisation before the result is released.
 *
 * @throws Fault `audit_unavailable`, in which case nothing must be shown
 */
export async function audited<Result>(backend: Backend, act: Act, work: () => Promise<Result>): Promise<Result> {
  const requestId = randomUUID();
  const write = (reasonCode: string | null): void => {
    for (const org of act.orgs.length > 0 ? act.orgs : [null]) {
      backend.parts.audit.write({
        request_id: requestId,
        actor_type: "operator",
        actor_id: backend.operator,
        org_slug: org,
        provider: act.provider ?? null,
        operation: act.operation,
        decision: "allow",
        outcome: reasonCode === null ? "ok" : "error",
        status: 0,
        ...(act.target === null ? {} : { target_id: act.target }),
        ...(reasonCode === null ? {} : { reason_code: reasonCode }),
      });
    }
  };
  let result: Result;
  try {
    result = await work();
  } catch (error) {
    write(error instanceof Fault ? error.code : error instanceof Stop ? (error.problem.code ?? "refused") : "internal");
    throw error;
  }
  write(null);
  return result;
}

/** A fault as the tool tells it: what a caller did wrong is usage or refused, what we cannot do now is unavailable. */
export function stopOf(fault: Fault): Stop {
  const { errors, reason, remedy, retryAfterS } = fault.details;
  const exit = fault.status >= 500 ? exits.unavailable : fault.status === 400 ? exits.usage : exits.refused;
  return new Stop(exit, {
    message: fault.message,
    code: fault.code,
    ...(errors ? { fields: errors } : {}),
    ...(reason ? { reason } : {}),
    ...(remedy ? { remedy } : {}),
    ...(retryAfterS === undefined ? {} : { retryAfterS }),
  });
}

async function open(makesHome: boolean): Promise<Parts> {
  const [{ assemble, readPlan }, { OPERATOR }] = await Promise.all([
    import("../../functions/parts.ts"),
    import("../../functions/rights.ts"),
  ]);
  const plan = await unlessUnusable(() => readPlan(OPERATOR));
  const { cloud, home } = plan.environment;
  if (cloud === null && !makesHome && !existsSync(home))
    throw new Stop(exits.unavailable, {
      message: `INTEGRATIONS_HOME ${home} is not there`,
      code: "home_missing",
      remedy: "Name the folder of the service's store; npm start makes a new one",
    });
  try {
    return await assemble(plan);
  } catch (error) {
    if (error instanceof Fault) throw stopOf(error);
    throw new Stop(exits.unavailable, {
      message: `The store cannot be opened: ${whyNot(error)}`,
      code: cloud === null ? "home_unusable" : "cloud_unusable",
      remedy:
        cloud === null
          ? `INTEGRATIONS_HOME names its folder: ${home}`
          : "gcloud auth application-default login gives this machine an identity; the variables name what it opens",
    });
  }
}

/** @throws Stop unavailable, with everything that is wrong with the environment or the registry */
export async function unlessUnusable<Result>(work: () => Result): Promise<Result> {
  const [{ EnvironmentError }, { RegistryError }] = await Promise.all([
    import("../../functions/environment.ts"),
    import("../registry/load.ts"),
  ]);
  try {
    return work();
  } catch (error) {
    if (!(error instanceof EnvironmentError) && !(error instanceof RegistryError)) throw error;
    throw new Stop(exits.unavailable, { message: error.message, code: "environment_unusable" });
  }
}

/** The adapters' own errors name a file and what to do with it; of any other, only the code or name is told. */
function whyNot(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  if ("code" in error) return String(error.code).replace(/[^A-Z0-9_]/g, "");
  return error.constructor === Error ? error.message : error.name;
}

function operatorName(): string {
  try {
    return (
      userInfo()
        .username.replace(/[^A-Za-z0-9_.@-]/g, "_")
        .slice(0, 60) || "unknown"
    );
  } catch {
    return "unknown";
  }
}
