import type { Credential } from "../contract/secret.ts";
import type { Facts, Finding } from "../contract/verdict.ts";
import { finding } from "../registry/read-answer.ts";
import { googleWith } from "./gcp/ask.ts";
import { expiryOf, type PublishedKey, publishedKey } from "./gcp/certificate.ts";
import { examine } from "./gcp/examine.ts";
import { exchange, type Granted, LISTING, READING, RUNNING_JOBS } from "./gcp/token.ts";
import type { ProbeContext, Provider } from "./provider.ts";

/**
 * How long a key that was just made is given to become known everywhere; Google speaks of a minute and more.
 * Source: cloud.google.com/iam/docs/keys-create-delete, read 2026-11-20.
 */
const PROPAGATION_MS = 3_000;

/**
 * Google service accounts. The token exchange proves key and account; what is asked behind it decides capabilities and
 * never condemns the key. Source: cloud.google.com/bigquery/docs/reference/rest, read 2026-11-21.
 */
export const gcp: Provider = {
  async probe(credential, context) {
    const [asked, published] = await Promise.all([
      exchange(credential, context, READING),
      publishedKey(credential, context),
    ]);
    const granted = isTooFresh(asked, published, context) ? await askAgain(credential, context) : asked;
    if ("outcome" in granted) return refused(granted, published, context.now);
    const seen = await examine(googleWith(granted, credential, context), credential, context);
    if (seen === "scope_insufficient") return finding("service_misconfigured", { reason: "scope" });
    const account = credential["project_id"]?.reveal();
    const details: Facts = {
      ...(account ? { account } : {}),
      ...(published.notBefore === null ? {} : { key_created_at: new Date(published.notBefore).toISOString() }),
      ...(seen.tables.length > 0 ? { tables: seen.tables } : {}),
    };
    return finding("valid", {
      http_status: 200,
      capabilities: seen.capabilities,
      details,
      expires_at: expiryOf(published, context.now),
      warnings: isUsualEmail(credential["client_email"]?.reveal() ?? "") ? [] : ["unusual_account"],
      discovered: seen.discovered,
    });
  },

  async mint(credential, context) {
    const granted = await exchange(credential, context, scopesOf(context.pipeline));
    if ("outcome" in granted) {
      if (!isBadSignature(granted)) return granted;
      return refused(granted, await publishedKey(credential, context), context.now);
    }
    return {
      type: "access_token",
      fields: { access_token: granted.token },
      expires_at: new Date(context.now + granted.expiresInS * 1_000).toISOString(),
    };
  },
};

/** Pipelines that list resources read them through their own APIs; all others run jobs of BigQuery. */
function scopesOf(pipeline: string): readonly string[] {
  return pipeline.startsWith("cloud.gcp.api.") ? LISTING : RUNNING_JOBS;
}

/** Google says that a key made a moment ago may be refused for a while. */
function isTooFresh(asked: Granted | Finding, published: PublishedKey, { isNew, now }: ProbeContext): boolean {
  if (!isNew || !("outcome" in asked) || !isBadSignature(asked)) return false;
  return published.state !== "mixed" && (published.notAfter === null || published.notAfter > now);
}

async function askAgain(credential: Credential, context: ProbeContext): Promise<Granted | Finding> {
  await context.sleep(PROPAGATION_MS);
  return await exchange(credential, context, READING);
}

/** Of all refusals the one that does not say why. */
function isBadSignature({ outcome, reason }: Finding): boolean {
  return outcome === "rejected" && reason === null;
}

/** A signature that Google does not take, explained by what it publishes about the account's keys. */
function refused(found: Finding, published: PublishedKey, nowMs: number): Finding {
  if (!isBadSignature(found)) return found;
  switch (published.state) {
    case "listed":
      if (published.notAfter === null || published.notAfter > nowMs) return { ...found, field: "private_key" };
      return { ...found, outcome: "expired", expires_at: new Date(published.notAfter).toISOString() };
    case "absent":
      return { ...found, reason: "key_deleted", field: "private_key" };
    case "mixed":
      return { ...found, reason: "key_mixed", field: "private_key" };
    case "unknown":
      return found;
  }
}

/** Accounts that a customer makes, App Engine's and Compute Engine's default ones. */
function isUsualEmail(email: string): boolean {
  return (
    /^[a-z0-9-]{6,30}@[a-z0-9.:-]+\.iam\.gserviceaccount\.com$/.test(email) ||
    /^[a-z0-9.:-]+@(?:[a-z0-9.:-]+\.)?(?:appspot|developer)\.gserviceaccount\.com$/.test(email)
  );
}
