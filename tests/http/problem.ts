import { expect } from "vitest";
import { problemAnswer } from "../../shared/contract/answers.ts";
import { UUID } from "../../shared/contract/names.ts";
import type { Reply } from "../service/harness.ts";

/** Holds for every refusal: RFC 9457, the sources' fields, no-store, and one request id in header and body. */
export function expectProblem(reply: Pick<Reply, "status" | "headers" | "body">, status: number, code: string): void {
  expect({ status: reply.status, code: reply.body?.code }).toEqual({ status, code });
  expect(reply.headers.get("content-type")).toBe("application/problem+json");
  expect(reply.headers.get("cache-control")).toBe("no-store");
  expect(reply.headers.get("x-content-type-options")).toBe("nosniff");
  const problem = problemAnswer.parse(reply.body);
  expect(problem).toMatchObject({
    type: `urn:cloudact:problem:${code}`,
    status,
    success: false,
    error: problem.detail,
  });
  expect(reply.headers.get("x-request-id")).toBe(problem.request_id);
  expect(problem.request_id).toMatch(UUID);
  expect(reply.headers.get("retry-after") ?? null).toBe(
    problem.retry_after_s === undefined ? null : String(problem.retry_after_s),
  );
}
