/*
 * node audit-writer.ts <count>
 *
 * Writes that many records to standard output as a function does, and how it went to standard error. Standard output is
 * opened by the process too, as any library that prints does: it is non-blocking from then on, where it is a pipe.
 */
import { openStdoutAudit } from "../../../shared/adapters/cloud/stdout-audit.ts";
import { systemClock } from "../../../shared/adapters/system-clock.ts";
import { Fault } from "../../../shared/contract/fault.ts";

const count = Number(process.argv[2]);
const audit = openStdoutAudit({ clock: systemClock(), service: "decrypt" });
process.stdout.write("");
process.stdout.on("error", () => {});

let written = 0;
let failed = "none";
let longestMs = 0;
for (; written < count; written += 1) {
  const startedAt = performance.now();
  try {
    audit.write({
      request_id: `r-${written}`,
      actor_type: "service_account",
      actor_id: "117263548901234567890",
      org_slug: "acme",
      provider: "OPENAI",
      operation: "decrypt",
      decision: "allow",
      outcome: "ok",
      status: 200,
      run_id: "x".repeat(150),
    });
  } catch (error) {
    failed = error instanceof Fault ? error.code : "something else";
  }
  longestMs = Math.max(longestMs, performance.now() - startedAt);
  if (failed !== "none") break;
}
process.stderr.write(`${JSON.stringify({ written, failed, longestMs })}\n`);
