/*
 * Loaded into a service before anything else, with `NODE_OPTIONS=--import`. From the signal SIGUSR2 on it counts what the
 * process writes, and at the moment that TEST_DIE_AT names the process kills itself as `kill -9` would:
 * `before statement 2`, `after statement 2`, `before audit`, `after audit`.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { StatementSync } from "node:sqlite";

const [when, what, count] = (process.env["TEST_DIE_AT"] ?? "").split(" ");
let left = Number.POSITIVE_INFINITY;
process.on("SIGUSR2", () => {
  left = Number(count ?? 1);
});

function counted<Given extends unknown[], Result>(kind: string, work: (this: unknown, ...given: Given) => Result) {
  return function (this: unknown, ...given: Given): Result {
    if (kind !== what) return work.apply(this, given);
    left -= 1;
    if (left === 0 && when === "before") process.kill(process.pid, "SIGKILL");
    const result = work.apply(this, given);
    if (left === 0 && when === "after") process.kill(process.pid, "SIGKILL");
    return result;
  };
}

StatementSync.prototype.run = counted("statement", StatementSync.prototype.run) as typeof StatementSync.prototype.run;
fs.writeSync = counted("audit", fs.writeSync as (...given: unknown[]) => number) as typeof fs.writeSync;
syncBuiltinESMExports();
