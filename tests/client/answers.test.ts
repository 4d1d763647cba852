import { expect, test } from "vitest";
import type { z } from "zod";
import type {
  DecryptedCredential,
  HistoryItem,
  ImportItemResult,
  Instructions,
  IntegrationInfo,
  IntegrationSummary,
  Provider,
} from "../../shared/client/answers.ts";
import type { StoredAnswer, VerdictAnswer } from "../../shared/client/verdicts.ts";
import type * as answers from "../../shared/contract/answers.ts";

/** Members only: intersections as one object, without what an optional member's type says of `undefined`. */
type Plain<T> = T extends readonly (infer Element)[]
  ? Plain<Element>[]
  : T extends object
    ? { [Name in keyof T]: Plain<Exclude<T[Name], undefined>> }
    : T;
type Identical<A, B> = (<T>() => T extends Plain<A> ? 1 : 2) extends <T>() => T extends Plain<B> ? 1 : 2 ? true : never;
type Schema<Name extends keyof typeof answers> = z.infer<(typeof answers)[Name]>;

/** Held by the compiler: a line is an error as soon as the client's type and the contract's schema part. */
const same: {
  summary: Identical<IntegrationSummary, Schema<"listAnswer">["integrations"][string]>;
  info: Identical<IntegrationInfo, Schema<"integrationInfo">>;
  history: Identical<HistoryItem, Schema<"historyAnswer">["items"][number]>;
  instructions: Identical<Instructions, Schema<"instructionsAnswer">>;
  provider: Identical<Provider, Schema<"publicProvider">>;
  imported: Identical<ImportItemResult, Schema<"importAnswer">["results"][number]>;
  decrypted: Identical<DecryptedCredential, Schema<"decryptAnswer">>;
  stored: Identical<StoredAnswer, Schema<"configuredAnswer">>;
  verdict: Identical<Omit<VerdictAnswer, "code">, Omit<Schema<"verdictAnswer">, "code">>;
} = {
  summary: true,
  info: true,
  history: true,
  instructions: true,
  provider: true,
  imported: true,
  decrypted: true,
  stored: true,
  verdict: true,
};

test("the client's types are the contract's schemas, which the compiler holds", () => {
  expect(Object.values(same).every(Boolean)).toBe(true);
});
