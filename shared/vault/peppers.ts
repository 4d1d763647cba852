import { Fault } from "../contract/fault.ts";
import type { Pepper } from "../ports/secret-source.ts";

type Peppers = readonly [Pepper, ...Pepper[]];

/** What is remembered while a source cannot be asked is not asked for more often than that. */
const RETRY_AFTER_S = 30;

/** Whether these go as far as the version that a key was hashed with. One that is older than all of them is gone. */
export function reaches(peppers: Peppers, wanted: string | undefined): boolean {
  return wanted === undefined || peppers.some(({ version }) => !(Number(wanted) > Number(version)));
}

/**
 * What a source has answered, where it goes as far. Where it does not, nobody can say now whose such a key is: it is
 * neither refused nor taken for unknown.
 *
 * @throws Fault `key_unavailable`
 */
export function reaching(peppers: Peppers, wanted: string | undefined): Peppers {
  if (reaches(peppers, wanted)) return peppers;
  throw new Fault("key_unavailable", {
    detail: "API keys cannot be checked now",
    retryAfterS: RETRY_AFTER_S,
    cause: new Error(`version ${wanted} of the pepper cannot be had`),
  });
}
