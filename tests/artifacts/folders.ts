import { chmodSync, existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

/** Names the folder in which all test files of one run find the artifacts: the first that needs them builds them there. */
export const SHARED_FOLDER = "INTEGRATIONS_TEST_ARTIFACTS";

/** Every file and folder of an artifact with its size, its times and its mode: what is written there shows. */
export function listing(folder: string): string[] {
  const lines: string[] = [];
  visit(folder, (path) => {
    const { size, mtimeMs, ctimeMs, mode } = statSync(path);
    lines.push(`${path} ${size} ${mtimeMs} ${ctimeMs} ${(mode & 0o777).toString(8)}`);
  });
  return lines;
}

/** Removes a folder of artifacts, read-only as they are. */
export function removeArtifacts(base: string): void {
  if (!existsSync(base)) return;
  visit(base, (path, isFolder) => isFolder && chmodSync(path, 0o755));
  rmSync(base, { recursive: true, force: true });
}

/** Files before their folder. Links are not followed. */
export function visit(folder: string, look: (path: string, isFolder: boolean) => void): void {
  for (const one of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, one.name);
    if (one.isDirectory()) visit(path, look);
    else if (one.isFile()) look(path, false);
  }
  look(folder, true);
}
