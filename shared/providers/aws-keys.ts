import { GetFederationTokenCommand } from "@aws-sdk/client-sts";
import { type Credential, Secret } from "../contract/secret.ts";
import type { Finding } from "../contract/verdict.ts";
import { finding, unexpected } from "../registry/read-answer.ts";
import { accountOf } from "./aws/account.ts";
import { costCapabilities } from "./aws/costs.ts";
import { type Identity, identify } from "./aws/identity.ts";
import { federationToken, read } from "./aws/rules.ts";
import { pipelinePolicy, sessionIn, sessionName, standIn } from "./aws/session.ts";
import { type AwsKeys, askSts } from "./aws/sts.ts";
import { accountFault, accountFaults } from "./aws/wrong.ts";
import type { ProbeContext, Provider } from "./provider.ts";

/**
 * An access key of an IAM user: asked whose it is, which needs no permission and no money, then what it can read.
 * Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html, read 2026-11-20.
 */
export const awsKeys: Provider = {
  inspect(credential, { entry, metadata }) {
    return accountFaults(entry, metadata, "access_key_id", accountOf(keysOf(credential).access_key_id.reveal()));
  },

  async probe(credential, context) {
    const keys = keysOf(credential);
    const { found, identity } = await twiceIfWrong(context.isNew, context, () => identify(keys, context));
    if (identity === null) return found;
    const refusal = accountRefusal(found, identity, context);
    if (refusal !== null) return refusal;
    const isRoot = identity.arn.endsWith(":root");
    const isUser = /^arn:aws:iam::[0-9]{12}:user\//.test(identity.arn);
    const isElsewhere = accountFault(context.entry, context.metadata, identity.account) !== null;
    const warnings = [...(isRoot ? ["root_user"] : []), ...(isElsewhere ? ["account_mismatch"] : [])];
    return {
      ...found,
      reason: warnings[0] ?? null,
      warnings,
      capabilities: await costCapabilities(keys, isUser ? identity.arn : null, context),
      details: { account: identity.account },
    };
  },

  async mint(credential, context) {
    const keys = keysOf(credential);
    const policy = pipelinePolicy(context.entry, context.pipeline);
    if (policy === null) return finding("service_misconfigured", { reason: "request" });
    const command = () =>
      new GetFederationTokenCommand({ Name: sessionName(context.pipeline), Policy: policy, DurationSeconds: HOUR });
    const { found, answer } = await twiceIfWrong(true, context, async () => {
      const answer = await askSts(context, keys, (client) => client.send(command()));
      return { found: read(federationToken, answer, { ...keys }, context.now), answer };
    });
    if (found.outcome !== "valid") return found;
    const session = sessionIn(answer, "answer.GetFederationTokenResponse.GetFederationTokenResult", context.now);
    return session === null ? unexpected(found) : standIn(session);
  },
};

const HOUR = 3_600;
/**
 * For five seconds after a wrong secret AWS refuses the right one as well, as a customer meets who corrects a typing
 * mistake. Source: https://awsteele.com/blog/2021/10/24/aws-sigv4-caching.html, read 2026-11-20.
 */
const REMEMBERED_MS = 5_500;

async function twiceIfWrong<Asked extends { found: Finding }>(
  isWorthIt: boolean,
  { sleep }: ProbeContext,
  ask: () => Promise<Asked>,
): Promise<Asked> {
  const first = await ask();
  if (!isWorthIt || first.found.reason !== "wrong_secret") return first;
  await sleep(REMEMBERED_MS);
  return await ask();
}

/**
 * Keys that do not tell their account offline are held against it here: our own are refused always, those of another
 * account than stated while they are set up. What is stored keeps working when only the statement changes.
 */
function accountRefusal(
  found: Finding,
  { account }: Identity,
  { entry, metadata, isNew }: ProbeContext,
): Finding | null {
  const reason = accountFault(entry, metadata, account);
  if (reason === null || (reason === "account_mismatch" && !isNew)) return null;
  return { ...found, outcome: "forbidden", reason, field: "access_key_id", details: { account } };
}

function keysOf(credential: Credential): AwsKeys {
  return {
    access_key_id: credential["access_key_id"] ?? new Secret(""),
    secret_access_key: credential["secret_access_key"] ?? new Secret(""),
  };
}
