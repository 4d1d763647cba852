import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { compileConsole } from "../../functions/console-page.ts";

/** Writes the console as the gateway's artifact holds it, and says how much a browser loads. */
export async function buildConsole(folder: string): Promise<void> {
  const html = await compileConsole();
  writeFileSync(join(folder, "configs/console.html"), html);
  const [plain, sent] = [Buffer.byteLength(html), gzipSync(html, { level: 9 }).length];
  console.log(`dist/gateway console ${(plain / 1024).toFixed(0)} kB, ${(sent / 1024).toFixed(1)} kB compressed`);
}
