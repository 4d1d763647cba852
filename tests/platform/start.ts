/*
 * Google Cloud on loopback, for the cloud backend and everything above it: real servers behind the official clients.
 *
 *   const platform = await startPlatform();
 *   const child = spawn("node", ["functions/start.ts"], { env: { PATH, PORT: "0", ...platform.env("operator") } });
 *   const token = await platform.issue("117263548901234567890");      // a pipeline's identity token
 *   platform.kms.faults.next("unavailable", 2);
 *   expect(platform.refusals()).toEqual([]);                           // nobody wanted more than configs/functions.yml says
 *   await platform.reset();
 *   await platform.close();
 */
import { createHmac, randomBytes } from "node:crypto";
import { type BigQuerySim, startBigQuery } from "./bigquery/start.ts";
import { type Certificates, startCertificates, subjectOf } from "./certificates.ts";
import { type IamCredentials, startIamCredentials } from "./iam-credentials.ts";
import { type KmsSim, startKms } from "./kms/start.ts";
import { type Metadata, startMetadata } from "./metadata.ts";
import { awsAccount, bench, emailOf, functionNames, openRights, operator, type Refused } from "./rights.ts";
import { type SecretManagerSim, startSecretManager } from "./secret-manager/start.ts";

export interface PlatformOptions {
  /** Whether callers are held to configs/functions.yml. Otherwise whoever has a token may do everything. Default true. */
  enforce?: boolean;
  /** Whether keys of the older table `organizations.org_api_keys` are still looked up. Default false. */
  legacyKeys?: boolean;
  /** Of everything random. One seed reproduces one run. */
  seed?: number;
  /** Milliseconds since the epoch, by which tokens are issued. */
  now?: () => number;
}

export interface Platform {
  bigquery: BigQuerySim;
  kms: KmsSim;
  secretManager: SecretManagerSim;
  iamCredentials: IamCredentials;
  certificates: Certificates;
  /** The metadata server of a function's instances, or of the operator's machine. @throws Error for an unknown name */
  metadata(identity: string): Metadata;
  /**
   * The environment of a process that runs as this function of configs/functions.yml, or as `operator`.
   *
   * @throws Error for an unknown name
   */
  env(identity: string): Record<string, string>;
  /** An identity token of Google's for a pipeline, for the audience that decrypt asks for. */
  issue(subject: string, claims?: Readonly<Record<string, unknown>>): Promise<string>;
  /** What was wanted and refused, by whom: empty where the functions are what configs/functions.yml says. */
  refusals(): readonly Refused[];
  /** Empties the tables, forgets faults, requests and refusals. Key and pepper versions stay as they are. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

const AUDIENCE = "cloudact-integrations-decrypt";

/** Starts every simulator, with one metadata server for each identity. */
export async function startPlatform(options: PlatformOptions = {}): Promise<Platform> {
  const { enforce = true, seed } = options;
  const rights = openRights({ legacyKeys: options.legacyKeys ?? false });
  const allows = enforce ? { allows: rights.allows } : {};
  const seeded = seed === undefined ? {} : { seed };
  const certificates = await startCertificates({
    audience: AUDIENCE,
    ...(options.now === undefined ? {} : { now: options.now }),
  });
  const names = [...functionNames(), "operator"];
  const [bigquery, kms, secretManager, iamCredentials, ...metadata] = await Promise.all([
    startBigQuery({ ...allows, ...seeded }),
    startKms({ ...allows, ...seeded, keys: [bench.key] }),
    startSecretManager(allows),
    startIamCredentials({
      ...allows,
      issuer: certificates,
      accounts: [{ email: awsAccount, id: subjectOf(awsAccount) }],
    }),
    ...names.map((name) =>
      startMetadata(name === "operator" ? operator : emailOf(`int-${name}`), {
        project: bench.project,
        issuer: certificates,
      }),
    ),
  ]);
  secretManager.secret(bench.pepper).addVersion(pepperOf(seed));

  const serverOf = (identity: string): Metadata => {
    const server = metadata[names.indexOf(identity)];
    if (server === undefined) throw new Error(`nobody is called ${identity} here; there are ${names.join(", ")}`);
    return server;
  };

  return {
    bigquery,
    kms,
    secretManager,
    iamCredentials,
    certificates,
    metadata: serverOf,
    env: (identity) => ({
      INTEGRATIONS_BACKEND: "gcp",
      GOOGLE_CLOUD_PROJECT: bench.project,
      KMS_KEY: bench.key,
      BIGQUERY_DATASET: bench.views,
      BIGQUERY_LEDGER_DATASET: bench.ledger,
      BIGQUERY_LOCATION: bench.location,
      PEPPER_SECRET: bench.pepper,
      OIDC_AUDIENCE: AUDIENCE,
      AWS_FEDERATION_SUBJECT: subjectOf(awsAccount),
      INTEGRATIONS_KEY_ENV: "test",
      KMS_API_ENDPOINT: kms.endpoint,
      BIGQUERY_API_ENDPOINT: bigquery.endpoint,
      SECRET_MANAGER_API_ENDPOINT: secretManager.endpoint,
      IAM_CREDENTIALS_API_ENDPOINT: iamCredentials.url,
      OIDC_JWKS_URL: certificates.url,
      ...serverOf(identity).env,
      ...nobodyElses,
    }),
    issue: certificates.issue,
    refusals: () => rights.refusals,
    async reset() {
      for (const http of [certificates, iamCredentials, ...metadata]) http.reset();
      for (const service of [kms, secretManager]) {
        service.faults.clear();
        service.forgetCalls();
      }
      await bigquery.reset();
      rights.refusals.length = 0;
    },
    async close() {
      const all = [bigquery, kms, secretManager, iamCredentials, certificates, ...metadata];
      await Promise.all(all.map((one) => one.close()));
    },
  };
}

/** Keeps a developer's own credentials and proxies out of a process under test. */
const nobodyElses = { CLOUDSDK_CONFIG: "/nonexistent", NO_PROXY: "127.0.0.1", no_proxy: "127.0.0.1" };

function pepperOf(seed: number | undefined): Buffer {
  return seed === undefined ? randomBytes(32) : createHmac("sha256", "pepper").update(String(seed)).digest();
}
