import type { Reply, Silence } from "../contract/answer.ts";
import { valuesAt } from "../registry/body-path.ts";

/** Pages of a provider's list of keys that are read at most, each of up to 100 keys. */
export const MOST_PAGES = 3;

/** How a provider lists an organisation's keys. */
export interface KeyList {
  /** One page; `after` is the cursor of the page before, `null` for the first. */
  page(after: string | null): Promise<Reply | Silence>;
  /** Where an element of `data` shows what its redaction leaves of the key: `sk-admin-abc***xyz`, `sk-admin...xyz`. */
  redactedAt: string;
  /** Fewest characters of the key's beginning that must be shown before an element counts as this key. */
  leastShown: number;
  /** Which elements can be the asking key at all. */
  isPossible(element: unknown): boolean;
}

/**
 * When a key that has just worked expires, by its organisation's own list of keys: RFC 3339 UTC. `null` where it never
 * expires, and wherever the list does not settle it: refused, silent, longer than `MOST_PAGES`, no element that fits, or
 * several. An expiry that has passed belongs to another key, since this one works.
 */
export async function listedExpiry(key: string, list: KeyList, nowMs: number): Promise<string | null> {
  const elements = await wholeList(list);
  const own = (elements ?? []).filter(
    (element) =>
      list.isPossible(element) &&
      valuesAt(element, list.redactedAt).some(
        (redacted) => typeof redacted === "string" && isRedactionOf(redacted, key, list.leastShown),
      ),
  );
  const [expiresAt] = own.length === 1 ? valuesAt(own[0], "expires_at") : [];
  const expiresMs = timeOf(expiresAt);
  return expiresMs === null || expiresMs <= nowMs ? null : new Date(expiresMs).toISOString();
}

/** Every element of the list, or `null` where that is not known. */
async function wholeList(list: KeyList): Promise<unknown[] | null> {
  const elements: unknown[] = [];
  let after: string | null = null;
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    const answer = await list.page(after);
    if ("silence" in answer || answer.status !== 200) return null;
    for (const element of valuesAt(answer.body, "data[]")) elements.push(element);
    if (!valuesAt(answer.body, "has_more").includes(true)) return elements;
    after = cursorOf(answer.body);
    if (after === null) return null;
  }
  return null;
}

/** The id behind which the next page begins; it goes into a question, so it must be a plain word. */
function cursorOf(body: unknown): string | null {
  const ids = [...valuesAt(body, "last_id"), valuesAt(body, "data[].id").at(-1)];
  const id = ids.find((one) => typeof one === "string" && /^[A-Za-z0-9_-]{1,128}$/.test(one));
  return typeof id === "string" ? id : null;
}

/** What a redaction leaves of a key has never been seen longer than 40 characters. */
const LONGEST_REDACTION = 512;

/** Whether the redacted text shows this key's beginning and end, and hides something in between. */
function isRedactionOf(redacted: string, key: string, leastShown: number): boolean {
  if (redacted.length > LONGEST_REDACTION) return false;
  const [, beginning = "", end = ""] = /^([A-Za-z0-9_-]+)[*.…•]+([A-Za-z0-9_-]{3,})$/.exec(redacted) ?? [];
  if (beginning.length < leastShown || beginning.length + end.length >= key.length) return false;
  return key.startsWith(beginning) && key.endsWith(end);
}

/** A time as providers write it, Unix seconds or RFC 3339, in milliseconds; `null` for anything else. */
function timeOf(value: unknown): number | null {
  if (typeof value === "number") return Number.isInteger(value) && value > 0 && value < 1e11 ? value * 1_000 : null;
  const isTime =
    typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/.test(value);
  const time = isTime ? Date.parse(value) : Number.NaN;
  // A "never" such as 9999-12-31 west of Greenwich has no year of four digits any more: that is no expiry.
  return Number.isNaN(time) || time >= Date.parse("9999-12-31T00:00:00Z") ? null : time;
}
