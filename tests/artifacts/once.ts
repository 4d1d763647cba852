import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeArtifacts, SHARED_FOLDER } from "./folders.ts";

/** Before a run of the tests. Builds nothing yet: most runs of a few files need no artifacts. */
export function setup(): void {
  process.env[SHARED_FOLDER] = join(tmpdir(), `integrations-artifacts-${randomUUID()}`);
}

/** After it. */
export function teardown(): void {
  removeArtifacts(process.env[SHARED_FOLDER] ?? "");
}
