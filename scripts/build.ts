import { rmSync } from "node:fs";
import { join } from "node:path";
import { buildArtifact } from "./build/artifact.ts";
import { buildClient } from "./build/client.ts";
import { root, targets } from "./build/targets.ts";

/*
 * One artifact per deployed target in dist/<target>, for Google Cloud: what its function needs and nothing else, the
 * registry and the table of rights compiled in. Source maps stand in dist/maps, outside of what is deployed.
 */
const dist = join(root, "dist");
rmSync(dist, { recursive: true, force: true });
for (const target of targets) {
  const { bundleBytes, leftOut } = await buildArtifact(target, dist);
  const without = `without ${leftOut.length} modules that it may not use`;
  console.log(`dist/${target.padEnd(10)} ${(bundleBytes / 1024).toFixed(0).padStart(6)} kB, ${without}`);
}
const { bytes, compressedBytes } = await buildClient(join(dist, "client"));
const kB = (size: number) => `${(size / 1024).toFixed(1)} kB`;
console.log(`dist/client     ${kB(bytes).padStart(9)}, ${kB(compressedBytes)} minified and compressed`);
