import type { Target } from "../../scripts/build/targets.ts";

/** What every function is given on Google Cloud. */
const everybody = {
  INTEGRATIONS_BACKEND: "gcp",
  GOOGLE_CLOUD_PROJECT: "cloudact-testing-1",
  BIGQUERY_DATASET: "organizations",
  BIGQUERY_LEDGER_DATASET: "integrations",
  BIGQUERY_LOCATION: "US",
};

const key = {
  KMS_KEY: "projects/cloudact-testing-1/locations/us-central1/keyRings/integrations/cryptoKeys/credentials",
};
const pepper = {
  PEPPER_SECRET: "projects/cloudact-testing-1/secrets/integrations-pepper",
  INTEGRATIONS_KEY_ENV: "live",
};
const aws = { AWS_FEDERATION_SUBJECT: "113920847562019384756" };

/** What each needs besides, written by hand: without a name of its own it does not start, others' it does not ask for. */
export const own: Readonly<Record<Target, Readonly<Record<string, string>>>> = {
  setup: { ...key, ...pepper, ...aws },
  validate: { ...key, ...pepper, ...aws },
  list: pepper,
  // Shows the number of our identity towards AWS to customers who will trust it.
  get: { ...pepper, ...aws },
  update: { ...key, ...pepper, ...aws },
  delete: pepper,
  decrypt: { ...key, ...aws },
  revalidate: { ...key, ...aws },
  gateway: { ...key, ...pepper, ...aws },
};

/** Its own environment on Google Cloud, and no other name. Without `K_SERVICE`. */
export function environmentOf(target: Target): Record<string, string> {
  return { ...everybody, ...own[target] };
}

/** The same as Cloud Run sets it. */
export function onCloudRun(target: Target): Record<string, string> {
  return {
    ...environmentOf(target),
    K_SERVICE: `integrations-${target}`,
    K_REVISION: `integrations-${target}-00001-abc`,
    K_CONFIGURATION: `integrations-${target}`,
    CLOUD_RUN_TIMEOUT_SECONDS: "60",
  };
}
