import { variable } from "./environment.ts";
import type { CalledFunction, ClientOptions } from "./requests.ts";

const LOCAL = "http://127.0.0.1:8000/api/v1/integrations";
/** https, plain http to this machine, or a path of the page's own origin: elsewhere the key would travel in the clear. */
const TAKEN =
  /^(?:https:\/\/[^\s@?#\\/]+|http:\/\/(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?|)(?:\/[^\s@?#\\/]+)*$/;

/**
 * Where each function answers.
 *
 * @throws TypeError where an address cannot be used, without repeating it: it may hold a password
 */
export function addressesOf({ baseUrl, urls = {} }: ClientOptions): (of: CalledFunction) => string {
  const base = baseUrl ?? variable("INTEGRATIONS_URL");
  const known = new Map(Object.entries(urls).map(([name, url]) => [name, checked(`urls.${name}`, url)]));
  const others =
    base !== undefined ? checked("baseUrl", base) : known.size === 0 ? checked("baseUrl", LOCAL) : undefined;
  return (of) => {
    const found = known.get(of) ?? others;
    if (found === undefined) throw new TypeError(`createClient: urls.${of} is missing, and there is no baseUrl`);
    return found;
  };
}

function checked(name: string, url: string): string {
  const text = url.replace(/\/+$/, "");
  if (text !== "" && TAKEN.test(text)) return text;
  throw new TypeError(
    `createClient: ${name} must be an https address, or http on this machine, without user and query`,
  );
}
