import { cloudLog } from "../../shared/adapters/cloud/cloud-log.ts";
import { googleIdentity } from "../../shared/adapters/cloud/google-identity.ts";
import { openStdoutAudit } from "../../shared/adapters/cloud/stdout-audit.ts";
import { systemClock } from "../../shared/adapters/system-clock.ts";
import { Fault } from "../../shared/contract/fault.ts";
import type { Environment } from "../environment.ts";
import type { Backing } from "../parts.ts";

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
  const auth = googleIdentity({ project, fromMetadata: environment.onPlatform || endpoints !== null });
  const [store, keys, secrets, federation, tokens] = await Promise.all([
    import("../../shared/adapters/cloud/bigquery-store.ts").then(({ openBigQueryStore }) =>
      openBigQueryStore({
        auth,
        project,
        ledgerDataset: cloud.ledgerDataset,
        viewsDataset: cloud.viewsDataset,
        location: cloud.location,
        apiEndpoint: endpoints?.bigquery ?? null,
        clock,
        onCorrupt: ({ org_slug, provider }) => log("CRITICAL", "integrity", { org_slug, provider, reason: "row" }),
      }),
    ),
    kmsKey === null ? withheldKeys : openKeys(kmsKey),
    pepperSecret === null ? withheldSecrets : openSecrets(pepperSecret),
    awsSubject === null ? withheldFederation(project) : openFederation(awsSubject),
    environment.verifiesTokens ? openTokens() : withheldTokens,
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
    audit: openStdoutAudit({ clock, service: name }),
    keyEnvironment: cloud.keyEnvironment,
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

  async function openTokens() {
    const [{ openGoogleTokens }, { GOOGLE_CERTIFICATES }] = await Promise.all([
      import("../../shared/adapters/cloud/google-tokens.ts"),
      import("../../shared/adapters/cloud/google-certificates.ts"),
    ]);
    const jwksUrl = endpoints?.jwks ?? GOOGLE_CERTIFICATES;
    return openGoogleTokens({ audience: environment.audience, jwksUrl, clock });
  }
}

/** What a function may not use answers as a mistake of ours, since that is the only way to it. */
async function withheld(): Promise<never> {
  throw new Fault("internal", { cause: new Error("this function may not use that") });
}
const withheldKeys: Backing["keys"] = { encrypt: withheld, decrypt: withheld };
const withheldSecrets: Backing["secrets"] = { peppers: withheld };
const withheldTokens: Backing["tokens"] = { verify: withheld };
const withheldFederation = (project: string): Backing["federation"] => ({
  project,
  subject: "",
  isPlaceholder: true,
  identityToken: withheld,
});
