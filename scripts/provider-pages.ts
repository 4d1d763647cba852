import { readdirSync, readFileSync } from "node:fs";
import { protocolNames } from "../shared/providers/protocol-names.ts";
import { loadRegistry, type Registry } from "../shared/registry/load.ts";
import { indexPage } from "./provider-pages/index-page.ts";
import { providerPage } from "./provider-pages/provider-page.ts";
import { subscriptionsPage } from "./provider-pages/subscriptions-page.ts";
import { fileOf, takesNothing } from "./provider-pages/words.ts";

/** Where the pages stand, from the repository's root. */
export const PAGES = "docs/providers";

const root = new URL("../", import.meta.url);

/** The registry that ships, with the providers' own addresses. */
export function shippedRegistry(): Registry {
  const name = "configs/system/providers.yml";
  return loadRegistry([{ name, text: readFileSync(new URL(name, root), "utf8") }], new Map(), protocolNames);
}

/** Every page by its file name in `docs/providers`: the index, one for each provider, one for all subscriptions. */
export function providerPages({ entries, custom }: Registry): Map<string, string> {
  const providers = entries.filter((entry) => !takesNothing(entry));
  const subscriptions = entries.filter(takesNothing);
  const pages = new Map([["README.md", indexPage(entries, custom)]]);
  for (const entry of providers) pages.set(fileOf(entry), providerPage(entry));
  if (subscriptions.length > 0 || custom !== null)
    pages.set("subscriptions.md", subscriptionsPage(subscriptions, custom));
  return pages;
}

/** Pages in the folder that no provider has any more. */
export function stalePages(pages: ReadonlyMap<string, string>): string[] {
  return readdirSync(new URL(`${PAGES}/`, root)).filter((file) => file.endsWith(".md") && !pages.has(file));
}
