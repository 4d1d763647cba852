/*
 * Runs the bundle beside this file with the code that V8 has compiled for it while the image was built, where there is
 * some: found by the bundle's checksum and Node's version, refused by V8 where its own version or flags are others, and
 * without either the start is only slower. Not by Node's compile cache, which is filed under the user and the CPU too,
 * and the machine that builds an image is not the one that runs it.
 */
const { readFileSync } = require("node:fs");
const { Script } = require("node:vm");
const { crc32 } = require("node:zlib");

// On the platform the environment's own check says this, with everything else that is wrong.
const wrong = [
  [
    process.env.INTEGRATIONS_BACKEND !== "gcp",
    "INTEGRATIONS_BACKEND: must be gcp; this artifact holds no other backend",
  ],
  [
    process.env.INTEGRATIONS_EXTRA_PROVIDERS,
    "INTEGRATIONS_EXTRA_PROVIDERS: must be left out; this artifact's registry is compiled in",
  ],
].filter(([is]) => is && !process.env.K_SERVICE);
if (wrong.length > 0) {
  process.stderr.write(`The environment is not usable:\n${wrong.map(([, line]) => `  ${line}\n`).join("")}`);
  process.exit(1);
}

const filename = __filename.replace(/\.cjs$/, ".bundle.js");
const source = readFileSync(filename);
const cache = `${filename}.${crc32(source).toString(16)}-${process.version}-${process.arch}.cache`;
let cachedData;
try {
  cachedData = readFileSync(cache);
} catch {
  // None was made for this bundle on this Node.
}
const script = new Script(source.toString(), { filename, cachedData });
script.runInThisContext()(require, __filename);

module.exports = { cache, script };
