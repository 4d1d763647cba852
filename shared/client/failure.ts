import type { Failure } from "./results.ts";

/** A failure that the client finds itself. */
export function failure(code: Failure["code"], error: string, more: Partial<Omit<Failure, "success">> = {}): Failure {
  return { success: false, error, code, status: 0, retryable: false, ...more };
}
