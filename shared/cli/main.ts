#!/usr/bin/env node
import { dispatch } from "./dispatch.ts";
import { exits } from "./stop.ts";
import { processTerminal } from "./terminal.ts";

// A reader that has seen enough is no failure.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    process.exit(error.code === "EPIPE" ? (process.exitCode ?? exits.ok) : exits.unavailable);
  });
}

for (const name of ["uncaughtException", "unhandledRejection"] as const) {
  process.on(name, (error: unknown) => {
    process.stderr.write(`This should not happen: ${error instanceof Error ? error.name : typeof error}\n`);
    process.exit(exits.unavailable);
  });
}

process.exitCode = await dispatch(process.argv.slice(2), processTerminal(), process.env);
