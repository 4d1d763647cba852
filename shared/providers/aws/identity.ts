import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import type { Finding } from "../../contract/verdict.ts";
import { valuesAt } from "../../registry/body-path.ts";
import { echoes, unexpected } from "../../registry/read-answer.ts";
import type { ProbeContext } from "../provider.ts";
import { read, whoAmI } from "./rules.ts";
import { type AwsKeys, askSts } from "./sts.ts";

/** Whose keys they are: twelve digits, and the principal's ARN. */
export interface Identity {
  account: string;
  arn: string;
}

const ARN = /^arn:aws:(?:iam|sts)::([0-9]{12}):[\x21-\x7e]{1,700}$/;

/** Asks AWS whose keys these are. The identity is there where, and only where, the finding is valid. */
export async function identify(
  keys: AwsKeys,
  context: ProbeContext,
  signal?: AbortSignal,
): Promise<{ found: Finding; identity: Identity | null }> {
  const answer = await askSts(context, keys, (client) => client.send(new GetCallerIdentityCommand({})), signal);
  const found = read(whoAmI, answer, { ...keys }, context.now);
  if (found.outcome !== "valid" || "silence" in answer) return { found, identity: null };
  const path = "answer.GetCallerIdentityResponse.GetCallerIdentityResult";
  const [account] = valuesAt(answer.body, `${path}.Account`);
  const [arn] = valuesAt(answer.body, `${path}.Arn`);
  if (typeof account !== "string" || typeof arn !== "string" || ARN.exec(arn)?.[1] !== account)
    return { found: unexpected(found), identity: null };
  // The account is kept and shown; twelve digits that stand in the keys are a piece of them.
  if (echoes(account, { ...keys }, account.length)) return { found: unexpected(found), identity: null };
  return { found, identity: { account, arn } };
}
