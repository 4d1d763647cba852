/*
 * Seals and opens a canary and reads a pepper through Google's clients, in a process of its own, so that a test can read
 * everything that it prints. Arguments: how it starts, the endpoints of Cloud KMS and of Secret Manager, the canary.
 *
 *   bare       the clients, and nothing of ours before them
 *   plan       after the environment was read, as every command does
 *   function   after a function's own module was loaded, as the framework does
 */
const [how = "", kmsEndpoint = "", secretEndpoint = "", canary = ""] = process.argv.slice(2);
if (how === "plan") (await import("../../../functions/parts.ts")).readPlan();
if (how === "function") await import("../../../functions/decrypt.ts");

const { connectKmsRest } = await import("../../../shared/adapters/cloud/kms-rest.ts");
const { connectSecretManager } = await import("../../../shared/adapters/cloud/secret-rest.ts");
const { openCloudKms } = await import("../../../shared/adapters/cloud/cloud-kms.ts");
const { openSecretManager } = await import("../../../shared/adapters/cloud/secret-manager.ts");
const { systemClock } = await import("../../../shared/adapters/system-clock.ts");
const { bench, emailOf } = await import("../rights.ts");
const { signedIn } = await import("./sign-in.ts");

const auth = signedIn(emailOf("int-decrypt"));
const clock = systemClock();
const key = openCloudKms({
  connect: () => connectKmsRest({ auth, apiEndpoint: kmsEndpoint }),
  key: bench.key,
  clock,
});
const secrets = openSecretManager({
  connect: () => connectSecretManager({ auth, apiEndpoint: secretEndpoint }),
  secret: bench.pepper,
  clock,
});
const aad = Buffer.from("CSV1");
const { ciphertext } = await key.encrypt(Buffer.from(canary), aad);
const opened = await key.decrypt(ciphertext, aad);
const [pepper] = await secrets.peppers();
process.stdout.write(`done ${opened.length} ${pepper.bytes.length}\n`, () => process.exit(0));
