import "./quiet.ts";
import { http } from "@google-cloud/functions-framework";
import { type FunctionName, routes } from "../shared/contract/routes.ts";
import { endpoint, type Handlers } from "../shared/http/endpoint.ts";
import { type Parts, start } from "./parts.ts";

/** Registers a function under its name: its own routes alone, with the prefix and without. */
export function serve(name: FunctionName, handlers: Handlers<Parts>): void {
  const own = routes.filter(({ fn }) => fn === name);
  http(name, endpoint(own, handlers, openParts(name), { bare: true }));
}

/** Opens the parts at the first request. Where that fails there is no log yet: it is said on stderr, and tried again at the next. */
export function openParts(name: FunctionName | null): () => Promise<Parts> {
  const open = start(name);
  return () =>
    open().catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : "unknown";
      process.stderr.write(`${JSON.stringify({ severity: "CRITICAL", message: "start_failed", reason })}\n`);
      throw error;
    });
}
