import { assemble, type Parts, readPlan } from "../../functions/parts.ts";
import { type Platform, startPlatform } from "../../tests/platform/start.ts";
import type { Simulators } from "../../tests/simulators/start.ts";
import { admit } from "./admit.ts";

const PIPELINE = "117263548901234567890";

/** The simulators of Google Cloud, with an organisation that has one credential, and what opens its doors. */
export interface Google {
  platform: Platform;
  /** What an operator works with, in this process. */
  operator: Parts;
  key: string;
  token: string;
  scheduler: string;
  close(): Promise<void>;
}

export async function openGoogle(simulators: Simulators): Promise<Google> {
  const platform = await startPlatform({ enforce: true });
  const env = platform.env("operator");
  // Google's clients look for this process's identity here.
  Object.assign(process.env, {
    GCE_METADATA_HOST: env["GCE_METADATA_HOST"],
    METADATA_SERVER_DETECTION: "assume-present",
  });
  const operator = await assemble(readPlan(null, { ...env, ...simulators.env }));
  return {
    platform,
    operator,
    key: await admit(operator, PIPELINE),
    token: await platform.issue(PIPELINE),
    scheduler: await platform.issue("scheduler"),
    close: async () => {
      operator.store.close();
      await platform.close();
    },
  };
}
