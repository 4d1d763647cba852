import { randomBytes } from "node:crypto";
import { expect } from "vitest";
import { exampleKey, type ProviderCode } from "../simulators/start.ts";
import type { Reply, Service } from "./harness.ts";

/** In every secret of this run, and nowhere else: what is looked for where no secret may be. */
export const canary = randomBytes(8).toString("hex").replaceAll("0", "f").slice(0, 12);

let secrets = 0;

/** A secret that the simulated provider accepts, and that no other cell has. */
export function freshSecret(provider: ProviderCode): string {
  secrets += 1;
  return exampleKey(provider, [`${canary}${String(secrets).padStart(4, "9")}`]);
}

/** Providers that are added by their entries alone, so that they answer alike. */
export const providers = [
  "DEEPSEEK",
  "MISTRAL",
  "GROQ",
  "XAI",
  "COHERE",
  "PERPLEXITY",
  "OPENROUTER",
  "TOGETHER",
] as const satisfies ProviderCode[];

/** An integration that one cell has for itself, and what is asked of it. */
export interface Cell {
  service: Service;
  org: string;
  provider: ProviderCode;
  /** `/{org}/{provider}` */
  path: string;
  /** The organisation's key, that manages. */
  key: string;
  /** A pipeline's, with a grant. */
  token: string;
  /** The Scheduler's. */
  scheduler: string;
  /** What is configured before the operation; `null` where nothing is. */
  before: { secret: string; credentialId: string } | null;
  /** How many versions there are before the operation. */
  versions: number;
  /** What an operation brings that brings a credential. */
  secret: string;
  /** Sent with every repetition of the operation as well. */
  idempotencyKey: string;
}

export interface Operation {
  name: string;
  /** Whether something is configured already. */
  on: "nothing" | "something";
  /** Statements it sends where nothing fails, in their order; those that recognise a caller where it is unknown yet. */
  statements: readonly string[];
  /** Of these a refusal harms nobody: the operation ends well all the same. */
  shrugsOff?: readonly string[];
  /** What of the key in Cloud KMS it uses. */
  key: "encrypt" | "decrypt" | "none";
  /** What the version is called that it makes; `null` where it makes none. */
  makes: string | null;
  /** Whether it brings another secret. */
  brings: boolean;
  success: number;
  /** What its repetition is told once it has taken effect; `null` where that would be another change. */
  repeated: number | null;
  /** Sets the scene from behind, after the integration is there. */
  arrange?(cell: Cell): Promise<void>;
  send(cell: Cell): Promise<Reply>;
  /** Looks at the answer of a success. */
  check?(reply: Reply, cell: Cell): void;
  /** Looks at what it answers, in place of 503, where the key cannot be used. */
  checkWithoutKey?(reply: Reply): void;
}

const inMonths = new Date(Date.now() + 200 * 86_400_000).toISOString();
const RUN = { pipeline: "genai.payg_usage", run_id: "run-1" };
const opening = ["read_opening"];
const changing = ["append_versions", "advance_head"];
const recording = ["append_validations", "record_checks"];

export const operations: readonly Operation[] = [
  {
    name: "list",
    ...reading("read_heads"),
    send: (cell) => cell.service.send("GET", `/${cell.org}`, { key: cell.key }),
    check: (reply, cell) =>
      expect(reply.body.integrations[cell.provider]).toMatchObject({
        credential_id: cell.before?.credentialId,
        status: "VALID",
      }),
  },
  {
    name: "list with a key that is new here",
    ...reading("read_heads"),
    statements: ["find_key", "read_heads"],
    arrange: async (cell) => {
      cell.key = await cell.service.orgKey(cell.org, "read");
    },
    send: (cell) => cell.service.send("GET", `/${cell.org}`, { key: cell.key }),
  },
  {
    name: "get",
    ...reading("read_head"),
    send: (cell) => cell.service.send("GET", cell.path, { key: cell.key }),
    check: (reply, cell) =>
      expect(reply.body).toMatchObject({ credential_id: cell.before?.credentialId, status: "VALID", enabled: true }),
  },
  {
    name: "history",
    ...reading("read_history"),
    send: (cell) => cell.service.send("GET", `${cell.path}/history`, { key: cell.key }),
    check: (reply, cell) =>
      expect(reply.body.items.at(-1)).toMatchObject({ type: "setup", credential_id: cell.before?.credentialId }),
  },
  {
    name: "the first setup",
    ...writing("setup", 201),
    on: "nothing",
    statements: [...opening, "place_heads", ...changing],
    send: (cell) => post(cell, "/setup", { credential: cell.secret }),
  },
  {
    name: "a setup that replaces",
    ...writing("setup", 200),
    send: (cell) => post(cell, "/setup", { credential: cell.secret }),
  },
  {
    name: "import",
    ...writing("setup", 200),
    on: "nothing",
    statements: ["read_openings", "place_heads", "append_versions", "advance_heads", "read_openings"],
    send: (cell) =>
      cell.service.send("POST", `/${cell.org}/import`, {
        key: cell.key,
        headers: { "idempotency-key": cell.idempotencyKey },
        body: { items: [{ provider: cell.provider.toLowerCase(), credential: cell.secret }] },
      }),
    check: (reply) => expect(reply.body).toMatchObject({ success: true, results: [{ status: "completed" }] }),
    checkWithoutKey: (reply) =>
      expect(reply.body).toMatchObject({ success: false, results: [{ status: "failed", code: "encryption_failed" }] }),
  },
  {
    name: "rotate",
    ...writing("rotate", 200),
    send: (cell) => post(cell, "/rotate", { new_credentials: cell.secret }),
  },
  {
    name: "a rename",
    ...writing("update", 200),
    key: "none",
    brings: false,
    send: (cell) =>
      cell.service.send("PUT", cell.path, {
        key: cell.key,
        headers: { "idempotency-key": cell.idempotencyKey },
        body: { credential_name: "Another name" },
      }),
  },
  {
    name: "a scheduled delete",
    ...writing("schedule", 202),
    key: "none",
    brings: false,
    repeated: null,
    send: (cell) =>
      cell.service.send("DELETE", `${cell.path}?deactivation_scheduled_at=${inMonths}`, { key: cell.key }),
  },
  {
    name: "delete",
    ...writing("delete", 200),
    key: "none",
    brings: false,
    repeated: 404,
    send: (cell) => cell.service.send("DELETE", cell.path, { key: cell.key }),
  },
  {
    name: "validate",
    ...reading("read_sealed"),
    statements: ["read_sealed", ...recording],
    key: "decrypt",
    send: (cell) => cell.service.send("POST", `${cell.path}/validate`, { key: cell.key }),
    check: (reply) => expect(reply.body).toMatchObject({ success: true, validation_status: "VALID" }),
  },
  {
    name: "decrypt",
    ...reading("read_sealed"),
    key: "decrypt",
    send: decrypt,
    check: (reply, cell) =>
      expect(reply.body).toMatchObject({
        credential_id: cell.before?.credentialId,
        credential: { api_key: cell.before?.secret },
      }),
  },
  {
    name: "decrypt for a pipeline that is new here",
    ...reading("read_sealed"),
    statements: ["grants_of", "read_sealed"],
    arrange: async (cell) => {
      const subject = `${cell.org}-${cell.provider.toLowerCase()}`;
      await cell.service.grant(subject, [cell.org]);
      cell.token = await cell.service.token(subject);
    },
    send: decrypt,
  },
  {
    name: "a pipeline's report",
    ...reading("read_sealed"),
    statements: ["read_sealed", "mark_reported"],
    shrugsOff: ["mark_reported"],
    success: 202,
    repeated: 202,
    send: (cell) =>
      cell.service.send("POST", `${cell.path}/failures`, {
        token: cell.token,
        body: { ...RUN, credential_id: cell.before?.credentialId, http_status: 401 },
      }),
  },
  {
    name: "the sweep",
    ...reading("read_due"),
    statements: ["read_due_deactivations", "read_due", ...recording, "purge_deleted", "purge_superseded"],
    key: "decrypt",
    arrange: (cell) => setHead(cell, "next_due_at"),
    send: sweep,
    checkWithoutKey: (reply) => expect(reply.body).toMatchObject({ checked: 0, remaining: 1 }),
  },
  {
    name: "the sweep of a due deactivation",
    ...writing("delete", 200),
    statements: ["read_due_deactivations", ...opening, ...changing, "read_due", "purge_deleted", "purge_superseded"],
    shrugsOff: [...opening, ...changing],
    key: "none",
    brings: false,
    arrange: (cell) => setHead(cell, "deactivation_scheduled_at"),
    send: sweep,
  },
];

/** @throws Error where none is called so */
export function operationNamed(name: string): Operation {
  const operation = operations.find((one) => one.name === name);
  if (operation === undefined) throw new Error(`no operation is called ${name}`);
  return operation;
}

/** Hands the credential to the pipeline. */
export function decrypt(cell: Cell): Promise<Reply> {
  return cell.service.send("POST", `${cell.path}/decrypt`, { token: cell.token, body: RUN });
}

function sweep(cell: Cell): Promise<Reply> {
  return cell.service.send("POST", "/revalidate", { token: cell.scheduler, body: { org: cell.org, max_seconds: 60 } });
}

function post(cell: Cell, route: string, body: object): Promise<Reply> {
  return cell.service.send("POST", `${cell.path}${route}`, {
    key: cell.key,
    headers: { "idempotency-key": cell.idempotencyKey },
    body,
  });
}

function reading(statement: string) {
  return {
    on: "something",
    statements: [statement],
    key: "none",
    makes: null,
    brings: false,
    success: 200,
    repeated: 200,
  } as const;
}

function writing(makes: string, success: number) {
  return {
    on: "something",
    statements: [...opening, ...changing],
    key: "encrypt",
    makes,
    brings: true,
    success,
    repeated: success,
  } as const;
}

async function setHead({ service, org, provider }: Cell, column: string): Promise<void> {
  await service.backend.platform?.bigquery.admin(
    `UPDATE \`integrations.heads\` SET ${column} = TIMESTAMP '2026-01-01T00:00:00Z' WHERE org_slug = '${org}' AND provider = '${provider}'`,
  );
}
