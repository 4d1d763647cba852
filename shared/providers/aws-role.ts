import { randomUUID } from "node:crypto";
import { AssumeRoleWithWebIdentityCommand } from "@aws-sdk/client-sts";
import { awsAudience } from "../contract/names.ts";
import { type Credential, Secret } from "../contract/secret.ts";
import type { Finding } from "../contract/verdict.ts";
import { valuesAt } from "../registry/body-path.ts";
import type { Wrong } from "../registry/check.ts";
import { finding, unexpected } from "../registry/read-answer.ts";
import { costCapabilities } from "./aws/costs.ts";
import { identify } from "./aws/identity.ts";
import { assumedRole, read } from "./aws/rules.ts";
import {
  nothingPolicy,
  pipelinePolicy,
  probePolicy,
  type Session,
  sessionIn,
  sessionName,
  standIn,
} from "./aws/session.ts";
import { askSts } from "./aws/sts.ts";
import { accountFaults } from "./aws/wrong.ts";
import type { ProbeContext, Provider } from "./provider.ts";

/**
 * A role in the customer's account, which the customer lets this service's identity assume with a token whose audience
 * belongs to one organisation. It is proven twice at the same time: with the right audience the role must open, and with
 * one that no organisation has it must stay shut, since else another organisation here could reach it. That one begins
 * with the right audience, so that a trust policy that ends in a wildcard (`…:acme*`) is found too wide as well.
 * Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html, read 2026-11-20.
 */
export const awsRole: Provider = {
  inspect(credential, { entry, metadata }) {
    const arn = arnOf(credential);
    const role = ROLE.exec(arn);
    if (role === null || (role[2] ?? "").length > LONGEST_PATH) return [malformed];
    return accountFaults(entry, metadata, "role_arn", role[1] ?? null);
  },

  async probe(credential, context) {
    const arn = arnOf(credential);
    const own = { arn, audience: awsAudience(context.federation, context.org), name: "validation" };
    const others = { ...own, audience: awsAudience(context.federation, `${context.org}-${randomUUID()}`) };
    const [opened, shut] = await Promise.all([
      assume({ ...own, policy: probePolicy }, context),
      assume({ ...others, policy: nothingPolicy }, context),
    ]);
    const verdict = verdictOf(opened.found, shut.found);
    if (verdict.outcome !== "valid" || opened.session === null) return verdict;
    const { keys } = opened.session;
    const [{ identity }, capabilities] = await Promise.all([
      identify(keys, context, AbortSignal.timeout(PATIENCE_MS)),
      costCapabilities(keys, arn, context),
    ]);
    const isSame = identity !== null && identity.account === ROLE.exec(arn)?.[1];
    return { ...verdict, capabilities, details: isSame ? { account: identity.account } : {} };
  },

  async mint(credential, context) {
    const policy = pipelinePolicy(context.entry, context.pipeline);
    if (policy === null) return finding("service_misconfigured", { reason: "request" });
    const wanted = {
      arn: arnOf(credential),
      audience: awsAudience(context.federation, context.org),
      name: context.pipeline,
      policy,
    };
    const hour = await assume({ ...wanted, seconds: HOUR }, context);
    const { found, session } = hour.found.reason === "session_length" ? await assume(wanted, context) : hour;
    return session === null ? found : standIn(session);
  },
};

const HOUR = 3_600;
/** The shortest that AWS gives. */
const SHORTEST = 900;
const PATIENCE_MS = 5_000;

/** Account, path with its closing slash, name. */
const ROLE = /^arn:aws:iam::([0-9]{12}):role\/((?:[\x21-\x7e]+\/)?)([\w+=,.@-]{1,64})$/;
const LONGEST_PATH = 511;
const malformed: Wrong = {
  field: "role_arn",
  message: "must name one role: arn:aws:iam::<account>:role/<path and name>, the name in at most 64 characters",
  reason: "not_a_role",
  remedy: "Copy the ARN from the role's summary in the IAM console, whole.",
};

interface Wanted {
  arn: string;
  audience: string;
  /** What the session is for. */
  name: string;
  /** The session policy, JSON. */
  policy: string;
  seconds?: number;
}

/** What came of an attempt to assume a role; the session is there where, and only where, the finding is valid. */
interface Assumed {
  found: Finding;
  session: Session | null;
}

/** Assumes a role with a token for one audience; where AWS calls the token too old, once more with a fresh one. */
async function assume(wanted: Wanted, context: ProbeContext): Promise<Assumed> {
  const first = await assumeOnce(wanted, context);
  return first.found.reason === "token" && first.found.http_status !== null ? await assumeOnce(wanted, context) : first;
}

async function assumeOnce(wanted: Wanted, context: ProbeContext): Promise<Assumed> {
  const { arn, audience, name, policy, seconds = SHORTEST } = wanted;
  const token = await tokenFor(audience, context);
  if (token === null) return { found: finding("service_misconfigured", { reason: "token" }), session: null };
  const command = new AssumeRoleWithWebIdentityCommand({
    RoleArn: arn,
    RoleSessionName: sessionName(name),
    WebIdentityToken: token.reveal(),
    DurationSeconds: seconds,
    Policy: policy,
  });
  const answer = await askSts(context, null, (client) => client.send(command));
  const found = read(assumedRole, answer, { role_arn: new Secret(arn), token }, context.now);
  if (found.outcome !== "valid" || "silence" in answer) return { found, session: null };
  const path = "answer.AssumeRoleWithWebIdentityResponse.AssumeRoleWithWebIdentityResult";
  const session = sessionIn(answer, path, context.now);
  const [assumed] = valuesAt(answer.body, `${path}.AssumedRoleUser.Arn`);
  return session !== null && assumed === sessionArn(arn, name)
    ? { found, session }
    : { found: unexpected(found), session: null };
}

/** The path of a role does not appear in the ARN of its sessions. */
function sessionArn(arn: string, name: string): string {
  const [, account, , role] = ROLE.exec(arn) ?? [];
  return `arn:aws:sts::${account}:assumed-role/${role}/${sessionName(name)}`;
}

async function tokenFor(audience: string, { federation }: ProbeContext): Promise<Secret | null> {
  try {
    return new Secret(await federation.identityToken(audience));
  } catch {
    return null;
  }
}

/** Valid only where the role opened for its own organisation and demonstrably not for another. */
function verdictOf(opened: Finding, shut: Finding): Finding {
  if (shut.outcome === "valid")
    return { ...shut, outcome: "forbidden", reason: "trust_policy_too_wide", field: "role_arn" };
  if (opened.outcome !== "valid") return opened.outcome === "forbidden" ? { ...opened, field: "role_arn" } : opened;
  if (shut.reason === "trust_not_matching" || shut.reason === "trust_setup") return opened;
  // What is not known to be shut is not called valid.
  return shut.outcome === "forbidden" ? unexpected(shut) : shut;
}

function arnOf(credential: Credential): string {
  return credential["role_arn"]?.reveal() ?? "";
}
