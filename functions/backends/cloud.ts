import type { Environment } from "../environment.ts";
import type { Backing } from "../parts.ts";
import type { Reach } from "../rights.ts";

/** Everything behind the ports on Google Cloud, as far as this process may reach. */
export async function openCloud(_environment: Environment, _reach: Reach): Promise<Backing> {
  throw new Error("the adapters are on their way");
}
