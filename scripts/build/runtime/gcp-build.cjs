/*
 * The build script of an artifact, which the platform runs in the runtime's own image: starts the function behind the
 * framework as Cloud Run would, with an environment of placeholders, asks it for its health and for what it must refuse,
 * and keeps the code that V8 has compiled on the way. That needs neither a network nor a secret: nobody is called before
 * a caller has shown something. An artifact that does not start here would not start there, and ends the build.
 */
const { renameSync, writeFileSync } = require("node:fs");
const { enableCompileCache, flushCompileCache } = require("node:module");
const { basename, join } = require("node:path");

const target = basename(require("./package.json").main, ".cjs");

for (const name of Object.keys(process.env)) delete process.env[name];
Object.assign(process.env, {
  K_SERVICE: "placeholder",
  NODE_ENV: "production",
  INTEGRATIONS_BACKEND: "gcp",
  GOOGLE_CLOUD_PROJECT: "placeholder-project",
  KMS_KEY: "projects/placeholder-project/locations/us/keyRings/placeholder/cryptoKeys/placeholder",
  BIGQUERY_DATASET: "placeholder_views",
  BIGQUERY_LEDGER_DATASET: "placeholder_tables",
  BIGQUERY_LOCATION: "US",
  PEPPER_SECRET: "projects/placeholder-project/secrets/placeholder",
  AWS_FEDERATION_SUBJECT: "000000000000000000000",
  INTEGRATIONS_KEY_ENV: "test",
});

// The framework's own modules are read before any of ours: theirs is found by NODE_COMPILE_CACHE, where it is set to this.
enableCompileCache(join(__dirname, ".compile-cache"));
const { getTestServer } = require("@google-cloud/functions-framework/testing");
const { cache, script } = require(`./functions/${target}.cjs`);

const server = getTestServer(target).listen(0, "127.0.0.1", async () => {
  const origin = `http://127.0.0.1:${server.address().port}`;
  await expectStatus(200, `${origin}/health`);
  await expectStatus(404, `${origin}/no/such/route/here`);

  const data = script.createCachedData();
  writeFileSync(`${cache}.new`, data);
  renameSync(`${cache}.new`, cache);
  flushCompileCache();
  process.stdout.write(`${basename(cache)}: ${Math.round(data.length / 1024)} kB of compiled code\n`);
  process.exit(0);
});

async function expectStatus(status, url) {
  const reply = await fetch(url);
  await reply.text();
  if (reply.status === status) return;
  process.stderr.write(`${url} answered ${reply.status} instead of ${status}\n`);
  process.exit(1);
}
