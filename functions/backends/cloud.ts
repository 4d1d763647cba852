import { cloudLog } from "../../shared/adapters/cloud/cloud-log.ts";
import { googleIdentity } from "../../shared/adapters/cloud/google-identity.ts";
import { openStdoutAudit } from "../../shared/adapters/cloud/stdout-audit.ts";
import { systemClock } from "../../shared/adapters/system-clock.ts";
import { Fault } from "../../shared/contract/fault.ts";
import type { Asked, Migration } from "../../shared/operations/migrate-source.ts";
import type { Clock } from "../../shared/ports/clock.ts";
import type { Environment } from "../environment.ts";
import type { Backing } from "../parts.ts";
import { OPERATOR } from "../rights.ts";

/**
 * Everything behind the ports on Google Cloud, as far as this process may reach: what it may not is neither loaded nor
 * there, so a mistake in the code above finds nothing to use.
 */
export async function openCloud(environment: Environment, name: string): Promise<Backing> {
  const { cloud } = environment;
  if (cloud === null) throw new Error("the environment names no Google Cloud");
  const { project, endpoints, kmsKey, pepperSecret, awsSubject } = cloud;
  const clock = systemClock(environment.clockOffsetS);
  const log = cloudLog(process.stderr, { clock, project });
  const auth = identity(environment);
  const bigQuery = { auth, project, location: cloud.location, apiEndpoint: endpoints?.bigquery ?? null, clock };
  const [store, keys, secrets, federation, tokens, legacy] = await Promise.all([
    import("../../shared/adapters/cloud/bigquery-store.ts").then(({ openBigQueryStore }) =>
      openBigQueryStore({
        ...bigQuery,
        ledgerDataset: cloud.ledgerDataset,
        viewsDataset: cloud.viewsDataset,
        onCorrupt: ({ org_slug, provider }) => log("CRITICAL", "integrity", { org_slug, provider, reason: "row" }),
      }),
    ),
    kmsKey === null ? withheldKeys : openKeys(kmsKey),
    pepperSecret === null ? withheldSecrets : openSecrets(pepperSecret),
    awsSubject !== null && cloud.mintsAws ? openFederation(awsSubject) : shownFederation(project, awsSubject ?? ""),
    environment.verifiesTokens ? openTokens() : withheldTokens,
    cloud.legacyKeysUntil === null ? null : openLegacyKeys(cloud.legacyKeysUntil),
  ]);
  return {
    clock,
    log,
    store,
    orgKeys: store,
    grants: store,
    keys,
    secrets,
    tokens,
    federation,
    audit:
      name === OPERATOR ? await openOperatorAudit(environment.home, clock) : openStdoutAudit({ clock, service: name }),
    keyEnvironment: cloud.keyEnvironment,
    legacy,
  };

  async function openKeys(key: string) {
    const [{ openCloudKms }, { connectKmsRest }] = await Promise.all([
      import("../../shared/adapters/cloud/cloud-kms.ts"),
      import("../../shared/adapters/cloud/kms-rest.ts"),
    ]);
    const connect = () => connectKmsRest({ auth, apiEndpoint: endpoints?.kms ?? null });
    return openCloudKms({ connect, key, clock, log, givesWay: name === "revalidate" });
  }

  async function openSecrets(secret: string) {
    const [{ openSecretManager }, { connectSecretManager }] = await Promise.all([
      import("../../shared/adapters/cloud/secret-manager.ts"),
      import("../../shared/adapters/cloud/secret-rest.ts"),
    ]);
    const connect = () => connectSecretManager({ auth, apiEndpoint: endpoints?.secretManager ?? null });
    return openSecretManager({ connect, secret, clock, log });
  }

  async function openFederation(serviceAccountId: string) {
    const { openAwsIdentity } = await import("../../shared/adapters/cloud/aws-identity.ts");
    const apiEndpoint = endpoints?.iamCredentials;
    return openAwsIdentity({ auth, serviceAccountId, project, clock, ...(apiEndpoint ? { apiEndpoint } : {}) });
  }

  async function openLegacyKeys(until: string) {
    const [{ openBigQueryDatabase }, { openBigQueryLegacyKeys }] = await Promise.all([
      import("../../shared/adapters/cloud/bigquery-database.ts"),
      import("../../shared/adapters/cloud/bigquery-legacy.ts"),
    ]);
    const table = `${project}.${cloud?.viewsDataset}.org_api_keys`;
    return { until, keys: openBigQueryLegacyKeys({ database: openBigQueryDatabase(bigQuery), table, clock }) };
  }

  async function openTokens() {
    const [{ openGoogleTokens }, { GOOGLE_CERTIFICATES }] = await Promise.all([
      import("../../shared/adapters/cloud/google-tokens.ts"),
      import("../../shared/adapters/cloud/google-certificates.ts"),
    ]);
    const jwksUrl = endpoints?.jwks ?? GOOGLE_CERTIFICATES;
    return openGoogleTokens({ audience: environment.audience, jwksUrl, clock });
  }
}

/** What a person does with the command line is written down where it is done, since stdout holds the results. */
async function openOperatorAudit(home: string, clock: Clock): Promise<Backing["audit"]> {
  const { openOperatorFile } = await import("./local.ts");
  return openOperatorFile(home, clock);
}

function identity({ cloud, onPlatform }: Environment) {
  return googleIdentity({ project: cloud?.project ?? "", fromMetadata: onPlatform || cloud?.endpoints !== null });
}

/** The older tables and the older key, for an operator who takes them over. */
export async function openCloudMigration(environment: Environment, asked: Asked): Promise<Migration | null> {
  const { cloud } = environment;
  if (cloud === null) return null;
  const [{ openBigQueryDatabase }, { openBigQueryOlder }, { openBigQueryLegacyKeyTable }, kms, rest] =
    await Promise.all([
      import("../../shared/adapters/cloud/bigquery-database.ts"),
      import("../../shared/adapters/cloud/bigquery-older.ts"),
      import("../../shared/adapters/cloud/bigquery-legacy.ts"),
      import("../../shared/adapters/cloud/cloud-kms.ts"),
      import("../../shared/adapters/cloud/kms-rest.ts"),
    ]);
  const { project, location, endpoints } = cloud;
  const auth = identity(environment);
  const clock = systemClock(environment.clockOffsetS);
  const database = openBigQueryDatabase({ auth, project, location, apiEndpoint: endpoints?.bigquery ?? null, clock });
  const connect = () => rest.connectKmsRest({ auth, apiEndpoint: endpoints?.kms ?? null });
  const { from, oldKey, orgKeys } = asked;
  return {
    source:
      from === null || oldKey === null
        ? null
        : {
            older: openBigQueryOlder({ database, table: from }),
            oldKey: kms.openCloudKms({ connect, key: oldKey, clock }),
          },
    keys: orgKeys === null ? null : openBigQueryLegacyKeyTable({ database, table: orgKeys, clock }),
    close: () => database.close(),
  };
}

/** What a function may not use answers as a mistake of ours, since that is the only way to it. */
async function withheld(): Promise<never> {
  throw new Fault("internal", { cause: new Error("this function may not use that") });
}
const withheldKeys: Backing["keys"] = { encrypt: withheld, decrypt: withheld };
const withheldSecrets: Backing["secrets"] = { peppers: withheld };
const withheldTokens: Backing["tokens"] = { verify: withheld };
const shownFederation = (project: string, subject: string): Backing["federation"] => ({
  project,
  subject,
  isPlaceholder: false,
  identityToken: withheld,
});
