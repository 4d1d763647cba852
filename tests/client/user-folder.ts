import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildClient, type ClientPackage } from "../../scripts/build/client.ts";
import { root } from "../../scripts/build/targets.ts";

/** A project of someone who has installed the client, outside the repository: its package, and nothing else. */
export interface UserFolder {
  path: string;
  built: ClientPackage;
  write(file: string, text: string): string;
  close(): void;
}

export async function openUserFolder(): Promise<UserFolder> {
  const path = mkdtempSync(join(tmpdir(), "cloudact-user-"));
  const built = await buildClient(join(path, "package"));
  mkdirSync(join(path, "node_modules/@cloudact"), { recursive: true });
  symlinkSync(built.folder, join(path, "node_modules/@cloudact/integrations"));
  cpSync(join(root, "examples"), join(path, "examples"), { recursive: true });
  const write = (file: string, text: string): string => {
    writeFileSync(join(path, file), text);
    return join(path, file);
  };
  write("package.json", JSON.stringify({ type: "module", private: true }));
  return { path, built, write, close: () => rmSync(path, { recursive: true, force: true }) };
}
