/* One step of a pipeline: takes the credential, asks OpenAI what was spent, and reports a key that it refuses. */
import { createClient } from "@cloudact/integrations/client";

const [orgSlug = "", provider = "", runId = ""] = process.argv.slice(2);
const run = { orgSlug, provider, pipeline: "genai.payg_usage", runId };
const client = createClient(); // INTEGRATIONS_URL says where; on Google Cloud nothing says who, it knows
const { credential, credential_id: credentialId } = await client.decryptCredential(run);
const url = `${process.env["OPENAI_BASE_URL"] ?? "https://api.openai.com/v1"}/organization/costs?start_time=${Math.floor(Date.now() / 1_000) - 86_400}`;
const costs = await fetch(url, { headers: { authorization: `Bearer ${credential?.["api_key"]}` } });
if (costs.status === 401) await client.reportFailure({ ...run, credentialId, httpStatus: 401 });
console.log(`${provider} answered ${costs.status}: ${await costs.text()}`);
