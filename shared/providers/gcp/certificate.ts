import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { Credential } from "../../contract/secret.ts";
import type { ProbeContext } from "../provider.ts";

/** What Google publishes about the keys of a service account tells of this one. */
export interface PublishedKey {
  /**
   * `listed` with its dates; `absent` from a list that holds others; `mixed` where the list's key of this id is
   * another; `unknown` where no list could be read.
   */
  state: "listed" | "absent" | "mixed" | "unknown";
  /** Milliseconds since the epoch. */
  notBefore: number | null;
  notAfter: number | null;
}

const UNKNOWN: PublishedKey = { state: "unknown", notBefore: null, notAfter: null };
/** A key without an expiry has a certificate until 9999. */
const NEVER_MS = 50 * 365 * 86_400_000;
const WITHIN_MS = 3_000;

/**
 * Looks the key up in the public list of its account's certificates, which takes no permission. That `notAfter` is the
 * enforced expiry is unverified: it is used where the token endpoint has refused, and else only announced.
 * Source: cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts.keys, read 2026-11-21.
 */
export async function publishedKey(credential: Credential, { ask, entry }: ProbeContext): Promise<PublishedKey> {
  const email = credential["client_email"]?.reveal() ?? "";
  const answer = await ask({
    method: "GET",
    url: `${entry.endpoints["x509"] ?? ""}/robot/v1/metadata/x509/${encodeURIComponent(email)}`,
    headers: { accept: "application/json" },
    signal: AbortSignal.timeout(WITHIN_MS),
  });
  if ("silence" in answer || answer.status !== 200) return UNKNOWN;
  const certificates = certificatesIn(answer.body);
  const key = privateKeyOf(credential);
  if (certificates.size === 0 || key === null) return UNKNOWN;
  const own = [...certificates.values()].find((certificate) => certificate.checkPrivateKey(key));
  if (own !== undefined) {
    return { state: "listed", notBefore: timeOf(own.validFrom), notAfter: timeOf(own.validTo) };
  }
  const isKnownId = certificates.has(credential["private_key_id"]?.reveal() ?? "");
  return { ...UNKNOWN, state: isKnownId ? "mixed" : "absent" };
}

/** When a key that works will end, RFC 3339 UTC; `null` where never, or where the date has passed without effect. */
export function expiryOf({ notAfter }: PublishedKey, nowMs: number): string | null {
  if (notAfter === null || notAfter <= nowMs || notAfter - nowMs > NEVER_MS) return null;
  return new Date(notAfter).toISOString();
}

/** Most entries of the list that are looked at: a service account has at most ten keys, and Google's own beside them. */
const MOST_CERTIFICATES = 100;

function certificatesIn(body: unknown): Map<string, X509Certificate> {
  const found = new Map<string, X509Certificate>();
  if (typeof body !== "object" || body === null || Array.isArray(body)) return found;
  for (const [id, pem] of Object.entries(body).slice(0, MOST_CERTIFICATES)) {
    const certificate =
      typeof pem === "string" && pem.startsWith("-----BEGIN CERTIFICATE-----") ? certificateOf(pem) : null;
    if (certificate !== null) found.set(id, certificate);
  }
  return found;
}

function certificateOf(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}

function privateKeyOf(credential: Credential): KeyObject | null {
  try {
    return createPrivateKey(credential["private_key"]?.reveal() ?? "");
  } catch {
    return null;
  }
}

function timeOf(text: string): number | null {
  const time = Date.parse(text);
  return Number.isNaN(time) ? null : time;
}
