import type { Fixture } from "../fixture.ts";

/** A question as it reached one of a cloud's endpoints. */
export interface CloudAsked {
  /** The registry's name of the endpoint: `token`, `sts`, `arm`, … */
  endpoint: string;
  method: string;
  /** Behind the endpoint's base, without the query. */
  path: string;
  query: URLSearchParams;
  headers: Readonly<Record<string, string>>;
  body: string;
  nowMs: number;
}

/**
 * A simulated provider with a protocol of its own: several endpoints, and credentials that it verifies as the real one
 * does (signatures, audiences, secrets). How it answers is decided by a word in the credential, as with the others.
 */
export interface Cloud {
  /** First segment of every path; the second is the endpoint's name. */
  prefix: string;
  /** Endpoint names of the registry and the hosts that they stand for. */
  endpoints: Readonly<Record<string, string>>;
  /** Every documented answer, `endpoint` set. */
  answers: readonly Fixture[];
  /** Headers that every answer of an endpoint carries; `{request_id}` is filled in. */
  headers?(endpoint: string): Record<string, string>;
  /** Words that a credential may hold, and what each causes. */
  words: Readonly<Record<string, string>>;
  /** An obviously fake credential of the right shape that the simulator takes, unless `word` decides otherwise. */
  credential(word?: string): Record<string, string>;
  /** Settings that go with it. */
  metadata?: Readonly<Record<string, unknown>>;
  /** The answer to one question; never throws. */
  answer(asked: CloudAsked): Fixture;
}
