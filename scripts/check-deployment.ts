import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { checkDeployment, readOutputs } from "./check-deployment/check.ts";
import { googleEndpoints } from "./check-deployment/google.ts";

/*
 * After a deployment: can the key be used by those who must, and by nobody else?
 *
 *   terraform -chdir=terraform output -json | node scripts/check-deployment.ts --environment prod
 *
 * Asks as the functions' own accounts, for a minute each, so the caller needs roles/iam.serviceAccountTokenCreator on
 * them. Its own token is GOOGLE_OAUTH_ACCESS_TOKEN, or what gcloud gives. Prints a line a check; exits 1 if one failed.
 */

const environment = process.argv[process.argv.indexOf("--environment") + 1];
if (environment !== "stage" && environment !== "prod") {
  process.stderr.write("Say --environment stage or --environment prod\n");
  process.exit(2);
}
const outputs = readOutputs(readFileSync(0, "utf8"));
if (outputs === null) {
  process.stderr.write("Standard input must be what `terraform output -json` prints after an apply\n");
  process.exit(2);
}
const token =
  process.env["GOOGLE_OAUTH_ACCESS_TOKEN"] ||
  execFileSync("gcloud", ["auth", "print-access-token"], { encoding: "utf8" }).trim();

const failed = await checkDeployment({
  outputs,
  keyEnvironment: environment === "prod" ? "live" : "test",
  token,
  endpoints: googleEndpoints,
  patienceMs: 180_000,
  pauseMs: 5_000,
  say: (line) => process.stdout.write(`${line}\n`),
});
process.stdout.write(failed === 0 ? "The deployment works\n" : `${failed} of the checks failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
