import type { Metadata } from "../../shared/contract/rows.ts";
import type { StandIn } from "../../shared/contract/secret.ts";
import type { Finding } from "../../shared/contract/verdict.ts";
import { askThrough } from "../../shared/providers/ask.ts";
import { providerOf } from "../../shared/providers/index.ts";
import type { ProbeContext, Provider } from "../../shared/providers/provider.ts";
import type { Entry } from "../../shared/registry/entry.ts";
import { entryOf } from "../registry/the-registry.ts";
import { credentialOf, federation, NOW, nobody } from "./desk.ts";

/** One question as it was sent. */
export interface Sent {
  url: URL;
  headers: Headers;
  body: string;
}

export interface Asking {
  metadata?: Metadata;
  /** Where to probe with another entry than the registry's. */
  entry?: Entry;
}

/** Probes, or mints, with a provider of which every question is answered by this function. */
export async function probeBy(
  code: string,
  fields: Record<string, string>,
  answer: (sent: Sent) => Response,
  asking: Asking = {},
): Promise<Finding> {
  const { provider, context } = await stage(code, answer, asking);
  return await provider.probe(credentialOf(fields), context);
}

export async function mintBy(
  code: string,
  fields: Record<string, string>,
  answer: (sent: Sent) => Response,
): Promise<StandIn | Finding> {
  const { provider, context } = await stage(code, answer, {});
  if (provider.mint === undefined) throw new Error("it mints nothing");
  return await provider.mint(credentialOf(fields), { ...context, pipeline: "any" });
}

async function stage(
  code: string,
  answer: (sent: Sent) => Response,
  { metadata = {}, entry = entryOf(code) }: Asking,
): Promise<{ provider: Provider; context: ProbeContext }> {
  const ask = askThrough(
    async (url, init) =>
      answer({ url: new URL(url), headers: new Headers(init.headers), body: String(init.body ?? "") }),
    10_000,
  );
  const owner = { ...nobody, metadata };
  return {
    provider: await providerOf(entry),
    context: { ...owner, entry, ask, now: NOW, sleep: async () => {}, federation },
  };
}

/** An answer of JSON. */
export function json(status: number, body: unknown): Response {
  return Response.json(body, { status });
}
