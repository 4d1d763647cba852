"use server";
/* The frontend's server actions (Next.js): what a page or a form calls. The key never reaches the browser. */
import { type Credential, createClient } from "@cloudact/integrations/client";
import { getOrgApiKeySecure } from "./get-org-api-key.ts";

const client = createClient({ apiKey: getOrgApiKeySecure });

interface Setup {
  orgSlug: string;
  provider: string;
  credential: Credential;
  credentialName?: string;
}

/** A result to show: `success`, else `error`, `remedy` and `errors` by field. */
export async function setupIntegration({ orgSlug, provider, credential, credentialName }: Setup) {
  // An action is an address that anyone can post to: what is not named here cannot be asked for.
  const named = credentialName === undefined ? {} : { credentialName };
  return await client.setupIntegration({ orgSlug, provider, credential, ...named });
}

export async function validateIntegration(orgSlug: string, provider: string) {
  return await client.validateIntegration(orgSlug, provider);
}

export async function getIntegrations(orgSlug: string) {
  return await client.getIntegrations(orgSlug);
}

export async function getIntegrationStatus(orgSlug: string, provider: string) {
  return await client.getIntegrationStatus(orgSlug, provider);
}

export async function deleteIntegration(orgSlug: string, provider: string) {
  return await client.deleteIntegration(orgSlug, provider);
}
