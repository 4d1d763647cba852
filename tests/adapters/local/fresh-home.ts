import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const schemasFolder = join(import.meta.dirname, "../../../configs/setup/bootstrap/schemas");

/** An empty folder of mode 0700, and how to be rid of it. */
export function freshHome(): { home: string; remove: () => void } {
  const home = mkdtempSync(join(tmpdir(), "integrations-"));
  return { home, remove: () => rmSync(home, { recursive: true, force: true }) };
}
