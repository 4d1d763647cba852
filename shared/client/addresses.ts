import { variable } from "./environment.ts";
import type { CalledFunction, ClientOptions } from "./requests.ts";

const LOCAL = "http://127.0.0.1:8000/api/v1/integrations";
/** A host, a path, or both, without what is no address of a service: user, query, fragment, empty segments. */
const SHAPE = /^(?:https?:\/\/[^\s@?#\\/]+)?(?:\/[^\s@?#\\/]+)*$/i;
const THIS_MACHINE = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/**
 * Where each function answers.
 *
 * @throws TypeError where an address cannot be used, without repeating it: it may hold a password
 */
export function addressesOf({ baseUrl, urls = {} }: ClientOptions): (of: CalledFunction) => string {
  const known = new Map(Object.entries(urls).map(([name, url]) => [name, checked(`urls.${name}`, url)]));
  const base = baseUrl ?? variable("INTEGRATIONS_URL") ?? (known.size === 0 ? LOCAL : undefined);
  const others = base === undefined ? undefined : checked("baseUrl", base);
  return (of) => {
    const found = known.get(of) ?? others;
    if (found === undefined) throw new TypeError(`createClient: urls.${of} is missing, and there is no baseUrl`);
    return found;
  };
}

/**
 * The address as it is asked: https, plain http to this machine, or a path of the page's own origin; else the key would
 * travel in the clear.
 */
function checked(name: string, url: string | URL): string {
  const text = `${url}`.replace(/\/+$/, "");
  try {
    const { protocol, hostname, pathname, href } = new URL(text, "http://localhost");
    if (text && SHAPE.test(text) && (protocol === "https:" || THIS_MACHINE.test(hostname)))
      return (text.startsWith("/") ? pathname : href).replace(/\/$/, "");
  } catch {
    // Its error repeats the text.
  }
  throw new TypeError(
    `createClient: ${name} must be an https address, or http on this machine, without user and query`,
  );
}
