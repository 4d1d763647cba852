import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { PREFIX } from "../../shared/contract/names.ts";
import { type Route, routes } from "../../shared/contract/routes.ts";
import { mintOrgKey } from "../../shared/vault/org-key.ts";
import { type Answer, type Endpoints, googleAs, request } from "./google.ts";

const outputsSchema = z.object({
  front: z.object({ value: z.object({ url: z.url() }).nullable() }),
  key: z.object({ value: z.string() }),
  pepper: z.object({ value: z.string() }),
  service_accounts: z.object({ value: z.record(z.string(), z.string()) }),
  urls: z.object({ value: z.record(z.string(), z.url()) }),
});
/** What `terraform output -json` says. */
export type Outputs = z.infer<typeof outputsSchema>;

/** @returns `null` where the text is something else */
export function readOutputs(text: string): Outputs | null {
  try {
    return outputsSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

export interface Deployment {
  outputs: Outputs;
  /** Of the organisation keys that the functions take. */
  keyEnvironment: "live" | "test";
  /** Access token of whoever checks. */
  token: string;
  endpoints: Endpoints;
  /** How long what must work is asked again: a new grant takes minutes to hold everywhere. */
  patienceMs: number;
  /** Between two tries of it. */
  pauseMs: number;
  say(line: string): void;
}

interface Check {
  what: string;
  /** Whether it must work, and is asked again until it does; the rest must be refused at once. */
  mustWork: boolean;
  /** @returns what is wrong, in words of ours; `null` for nothing */
  ask(): Promise<string | null>;
}

/**
 * Seals a few random bytes as those functions that must and opens them as those that must; sees that no function may do
 * more with the key, by whatever grant, and that the pepper is there for those who need it; and that each public function
 * refuses a key that nobody was given, which it can only do when it reads its tables and the pepper. Nothing is stored.
 *
 * @returns how many checks failed
 */
export async function checkDeployment(deployment: Deployment): Promise<number> {
  let failed = 0;
  for (const { what, mustWork, ask } of [
    ...ofTheKey(deployment),
    ...ofThePepper(deployment),
    ...ofFunctions(deployment),
  ]) {
    const problem = await patiently(ask, mustWork ? deployment : { patienceMs: 0, pauseMs: 0 });
    if (problem !== null) failed += 1;
    deployment.say(problem === null ? `ok      ${what}` : `FAILED  ${what}: ${problem}`);
  }
  return failed;
}

async function patiently(
  ask: Check["ask"],
  { patienceMs, pauseMs }: Pick<Deployment, "patienceMs" | "pauseMs">,
): Promise<string | null> {
  const until = Date.now() + patienceMs;
  for (;;) {
    // fetch names a host at most.
    const problem = await ask().catch((error: unknown) => (error instanceof Error ? error.message : "it failed"));
    if (problem === null || Date.now() + pauseMs >= until) return problem;
    await sleep(pauseMs);
  }
}

const SEAL = "cloudkms.cryptoKeyVersions.useToEncrypt";
const OPEN = "cloudkms.cryptoKeyVersions.useToDecrypt";
const DESTROY = "cloudkms.cryptoKeyVersions.destroy";
const GRANT = "cloudkms.cryptoKeys.setIamPolicy";
const SEALING = new Set(["setup", "update"]);
const OPENING = new Set(["decrypt", "validate", "revalidate"]);

const sealedSchema = z.object({ ciphertext: z.string().min(1) });
const openedSchema = z.object({ plaintext: z.string() });

function ofTheKey({ outputs, token, endpoints }: Deployment): Check[] {
  const key = `${endpoints.kms}/v1/${outputs.key.value}`;
  const accounts = outputs.service_accounts.value;
  const additionalAuthenticatedData = Buffer.from("deployment check").toString("base64");
  const plaintext = randomBytes(32).toString("base64");
  let ciphertext = "";
  const encrypt = async (name: string): Promise<Answer> => {
    const ask = await googleAs(accounts[name] ?? "", { token, endpoints });
    return await ask(`${key}:encrypt`, { plaintext, additionalAuthenticatedData });
  };
  const decrypt = async (name: string): Promise<Answer> => {
    const ask = await googleAs(accounts[name] ?? "", { token, endpoints });
    return await ask(`${key}:decrypt`, { ciphertext, additionalAuthenticatedData });
  };
  return [
    ...[...SEALING].map((name) => ({
      what: `${name} seals`,
      mustWork: true,
      async ask() {
        const { status, body } = await encrypt(name);
        const answer = sealedSchema.safeParse(body);
        if (status !== 200 || !answer.success) return `Cloud KMS answered ${status}`;
        ciphertext = answer.data.ciphertext;
        return null;
      },
    })),
    ...[...OPENING].map((name) => ({
      what: `${name} opens what was sealed`,
      mustWork: true,
      async ask() {
        const { status, body } = await decrypt(name);
        const answer = openedSchema.safeParse(body);
        if (status !== 200 || !answer.success) return `Cloud KMS answered ${status}`;
        return answer.data.plaintext === plaintext ? null : "something else came out";
      },
    })),
    ...Object.keys(accounts).map((name) => ({
      what: `${name} may do no more with the key`,
      mustWork: false,
      async ask() {
        const ask = await googleAs(accounts[name] ?? "", { token, endpoints });
        const more = [...(SEALING.has(name) ? [] : [SEAL]), ...(OPENING.has(name) ? [] : [OPEN])];
        return nothingOf(await ask(`${key}:testIamPermissions`, { permissions: [...more, DESTROY, GRANT] }));
      },
    })),
  ];
}

const pepperSchema = z.object({ payload: z.object({ data: z.string() }) });
/** As the functions want it. */
const LEAST_PEPPER_BYTES = 32;

function ofThePepper({ outputs, token, endpoints }: Deployment): Check[] {
  const accounts = outputs.service_accounts.value;
  const pepper = `${endpoints.secretManager}/v1/${outputs.pepper.value}`;
  return [
    {
      what: "the pepper has a version, and setup reads it",
      mustWork: true,
      async ask() {
        const ask = await googleAs(accounts["setup"] ?? "", { token, endpoints });
        const { status, body } = await ask(`${pepper}/versions/latest:access`, null);
        const answer = pepperSchema.safeParse(body);
        if (status !== 200 || !answer.success) return `Secret Manager answered ${status}`;
        const { length } = Buffer.from(answer.data.payload.data, "base64");
        return length >= LEAST_PEPPER_BYTES ? null : `it has ${length} bytes and needs ${LEAST_PEPPER_BYTES}`;
      },
    },
    ...["decrypt", "revalidate"].map((name) => ({
      what: `${name} cannot read the pepper`,
      mustWork: false,
      async ask() {
        const ask = await googleAs(accounts[name] ?? "", { token, endpoints });
        return nothingOf(await ask(`${pepper}:testIamPermissions`, { permissions: ["secretmanager.versions.access"] }));
      },
    })),
  ];
}

const problemSchema = z.object({ code: z.string() });

function ofFunctions({ outputs, keyEnvironment }: Deployment): Check[] {
  return publicRoutes().map((route) => ({
    what: `${route.fn} refuses a key that nobody was given`,
    mustWork: true,
    async ask() {
      const base = outputs.front.value?.url ?? `${outputs.urls.value[route.fn]}${PREFIX}`;
      const path = route.path.replace("{org}", "deployment-check").replace("{provider}", "openai");
      const { status, body } = await request(`${base}${path}`, {
        method: route.method,
        headers: { "x-api-key": mintOrgKey(keyEnvironment).key.reveal() },
        body: route.body === "none" ? null : {},
      });
      const code = problemSchema.safeParse(body).data?.code;
      return status === 401 && code === "org_key_invalid" ? null : `it answered ${status}${code ? ` ${code}` : ""}`;
    },
  }));
}

/** One route of each function that takes organisation keys. */
function publicRoutes(): Route[] {
  const named = new Set<string>(["setup", "validate", "list", "get", "update", "delete"]);
  return routes.filter(({ name }) => named.delete(name));
}

const permissionsSchema = z.object({ permissions: z.array(z.string()).default([]) });

/** What an account may do of what must not be its to do; asked this way nothing is refused, so that no alert is raised. */
function nothingOf({ status, body }: Answer): string | null {
  const answer = permissionsSchema.safeParse(body);
  if (status !== 200 || !answer.success) return `it answered ${status}`;
  return answer.data.permissions.length === 0 ? null : `it may, by ${answer.data.permissions.join(", ")}`;
}
