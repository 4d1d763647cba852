import type { Reply, Silence } from "../../contract/answer.ts";
import type { Finding } from "../../contract/verdict.ts";
import { valuesAt } from "../../registry/body-path.ts";
import { type AnswerContext, type AnswerRules, readAnswer, unexpected401, when } from "../../registry/read-answer.ts";

/** Oracle refuses a signature whose date is five minutes off; a minute less, and our clock is at fault already. */
const MOST_SKEW_MS = 240_000;

/**
 * Reads the list of a user's keys: whether the key that signed is in it, and active. A refused signature is the key's
 * fault only where Oracle's own clock says that ours is right; without its clock nothing is known.
 */
export function readKeys(
  answer: Reply | Silence,
  { userOcid, fingerprint }: { userOcid: string; fingerprint: string },
  context: AnswerContext,
): Finding {
  const found = readAnswer({ success: { status: 200, has: "fingerprint", is: "string" }, rules }, answer, context);
  if ("silence" in answer) return found;
  if (found.reason === "not_authenticated") return refused(found, answer, context.now);
  const listed: unknown[] = answer.status === 200 && Array.isArray(answer.body) ? answer.body : [];
  const own = listed.find((key) => isOwn(key, userOcid, fingerprint));
  if (own !== undefined) return { ...found, ...stateOf(own), details: detailsOf(own) };
  if (found.outcome === "valid") return { ...found, outcome: "unreachable", reason: "key_not_listed" };
  return found;
}

/**
 * Source: https://docs.oracle.com/iaas/Content/API/References/apierrors.htm, read 2026-11-20. `SignUpRequired` is 402 in
 * its newer copies and 403 in older ones.
 */
const rules: AnswerRules["rules"] = [
  when(401, "code", "NotAuthenticated", "rejected", "not_authenticated"),
  when(404, "code", "NotAuthorizedOrNotFound", "forbidden", "user_not_readable"),
  when(403, "code", "NotAllowed", "forbidden", "home_region_only"),
  when(403, "code", "NotAuthorized", "forbidden", "user_not_readable"),
  when([402, 403], "code", "SignUpRequired", "forbidden", "sign_up_required"),
  unexpected401,
];

/** A clock that is wrong is ours; an answer without any is nobody's that we know. */
function refused(found: Finding, { headers }: Reply, now: number): Finding {
  const theirs = timeIn(headers.get("date"));
  if (theirs === null) return { ...found, outcome: "unreachable", reason: "unexpected_response" };
  if (Math.abs(theirs - now) > MOST_SKEW_MS)
    return { ...found, outcome: "service_misconfigured", reason: "clock_skew" };
  return found;
}

/** An HTTP date in its one modern form, milliseconds since the epoch. */
function timeIn(date: string | null): number | null {
  if (date === null || !/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(date)) return null;
  const time = Date.parse(date);
  return Number.isNaN(time) ? null : time;
}

/** Whether an element of the list is the key that signed: by fingerprint, and of this user where it says whose it is. */
function isOwn(key: unknown, userOcid: string, fingerprint: string): boolean {
  const [print] = valuesAt(key, "fingerprint");
  const [user] = valuesAt(key, "userId");
  return print === fingerprint && (user === undefined || user === userOcid);
}

/** A key that has been switched off condemns itself, whatever it still signs; a state that nobody knows says nothing. */
function stateOf(key: unknown): Partial<Finding> {
  const [state] = valuesAt(key, "lifecycleState");
  switch (state) {
    case "ACTIVE":
    case "CREATING": // the signature has just been taken
      return { outcome: "valid", reason: null };
    case "INACTIVE":
      return { outcome: "rejected", reason: "key_inactive" };
    case "DELETING":
    case "DELETED":
      return { outcome: "rejected", reason: "key_deleted" };
    default:
      return { outcome: "unreachable", reason: "unexpected_response" };
  }
}

function detailsOf(key: unknown): Finding["details"] {
  const [created] = valuesAt(key, "timeCreated");
  const isTime = typeof created === "string" && /^\d{4}-\d\d-\d\dT[\d:.]{5,18}(?:Z|[+-]\d\d:\d\d)$/.test(created);
  const time = isTime ? Date.parse(created) : Number.NaN;
  return Number.isNaN(time) ? {} : { key_created_at: new Date(time).toISOString() };
}
