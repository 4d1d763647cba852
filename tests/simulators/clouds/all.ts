import { transportAnswers } from "../answers/transport.ts";
import type { Fixture } from "../fixture.ts";
import { awsKeys, awsRole } from "./aws.ts";
import { azure } from "./azure.ts";
import type { Cloud } from "./cloud.ts";
import { google } from "./google.ts";
import { oci } from "./oci.ts";

export const cloudCodes = ["GCP_SA", "AWS_IAM", "AWS_KEYS", "AZURE", "OCI"] as const;
export type CloudCode = (typeof cloudCodes)[number];

/** Providers with a protocol of their own. */
export const clouds: Readonly<Partial<Record<CloudCode, Cloud>>> = {
  GCP_SA: google,
  AWS_IAM: awsRole,
  AWS_KEYS: awsKeys,
  AZURE: azure,
  OCI: oci,
};

/** @throws Error that lists the names there are. */
export function cloudFixture(code: CloudCode, name: string): Fixture {
  const all = [...(clouds[code]?.answers ?? []), ...transportAnswers];
  const found = all.find((one) => one.name === name);
  if (found === undefined)
    throw new Error(`${code} has no answer "${name}"; it has ${all.map((one) => one.name).join(", ")}`);
  return found;
}
