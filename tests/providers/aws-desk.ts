import type { Metadata } from "../../shared/contract/rows.ts";
import type { StandIn } from "../../shared/contract/secret.ts";
import type { Verdict } from "../../shared/contract/verdict.ts";
import type { Federation } from "../../shared/ports/federation.ts";
import { askThrough } from "../../shared/providers/ask.ts";
import { type AttemptParts, attempt, mint } from "../../shared/providers/attempt.ts";
import type { Entry } from "../../shared/registry/entry.ts";
import { entryOf } from "../registry/the-registry.ts";
import { awsKeys, awsRole, skip } from "../simulators/clouds/aws.ts";
import { type RecordedRequest, type Simulators, startSimulators } from "../simulators/start.ts";
import { credentialOf, fakeClock } from "./desk.ts";

export const awsCodes = ["AWS_IAM", "AWS_KEYS"] as const;
export type AwsCode = (typeof awsCodes)[number];
export const simulatedAws = { AWS_IAM: awsRole, AWS_KEYS: awsKeys };

/** In the signature of every token of ours, so that its way can be followed. */
export const TOKEN_CANARY = "dG9rZW5jYW5hcnk";
const SUBJECT = "108000002380243782158";

/** An identity whose tokens say what Google's say; `asked` are the audiences it was asked for. */
export function identityFor(): Federation & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    project: "local",
    subject: SUBJECT,
    isPlaceholder: false,
    async identityToken(audience) {
      asked.push(audience);
      const claims = { iss: "https://accounts.google.com", aud: audience, azp: SUBJECT, sub: SUBJECT };
      return `eyJhbGciOiJSUzI1NiJ9.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.${TOKEN_CANARY}`;
    },
  };
}

export interface AwsOptions {
  /** A word that the simulator knows, or the fields themselves. */
  credential?: string | Record<string, string>;
  metadata?: Metadata;
  isNew?: boolean;
  org?: string;
  entry?: Partial<Entry>;
  federation?: Federation;
}

/** What one check asked, slept and found. */
export interface AwsChecked {
  verdict: Verdict;
  requests: RecordedRequest[];
  slept: number[];
}

export interface AwsDesk {
  simulators: Simulators;
  /** One whole attempt over sockets. */
  check(code: AwsCode, options?: AwsOptions): Promise<AwsChecked>;
  /** A stand-in for the pipeline of costs, over sockets. */
  token(code: AwsCode, options?: AwsOptions): Promise<{ result: StandIn | Verdict; requests: RecordedRequest[] }>;
  close(): Promise<void>;
}

export const PIPELINE = "cloud.aws.cost.billing";

export async function openAwsDesk(): Promise<AwsDesk> {
  const simulators = await startSimulators();
  const stage = (code: AwsCode, options: AwsOptions) => {
    const slept: number[] = [];
    const clock = fakeClock();
    const parts: AttemptParts = {
      ask: askThrough(fetch, 10_000),
      federation: options.federation ?? identityFor(),
      clock: {
        ...clock,
        // The simulator's sessions end by the real clock.
        now: () => Date.now(),
        // Where this service sleeps, time passes at AWS as well.
        sleep: async (ms) => {
          slept.push(ms);
          skip(ms);
        },
      },
    };
    const { credential } = options;
    const fields = typeof credential === "object" ? credential : simulatedAws[code].credential(credential);
    const owner = { org: options.org ?? "acme", metadata: options.metadata ?? {}, isNew: options.isNew ?? true };
    return { parts, slept, fields: credentialOf(fields), owner, entry: { ...moved(code), ...options.entry } };
  };
  const moved = (code: AwsCode): Entry => {
    const entry = entryOf(code);
    const endpoints = Object.keys(entry.endpoints).map((name): [string, string] => [
      name,
      simulators.endpoints[`${code}_${name.toUpperCase()}`] ?? "http://127.0.0.1:9",
    ]);
    return { ...entry, endpoints: Object.fromEntries(endpoints), retry: { max: 0, backoff_ms: 0 } };
  };
  return {
    simulators,
    async check(code, options = {}) {
      const { entry, fields, owner, parts, slept } = stage(code, options);
      const from = simulators.requests.length;
      const verdict = await attempt(entry, fields, owner, parts);
      return { verdict, slept, requests: simulators.requests.slice(from) };
    },
    async token(code, options = {}) {
      const { entry, fields, owner, parts } = stage(code, options);
      const from = simulators.requests.length;
      const result = await mint(entry, fields, { ...owner, isNew: false }, PIPELINE, parts);
      if (result === null) throw new Error("nothing is minted");
      return { result, requests: simulators.requests.slice(from) };
    },
    close: () => simulators.close(),
  };
}

/** The members of a form that was sent. */
export function formOf({ body }: RecordedRequest): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(body));
}

/** What was asked, in a word. */
export function actionOf(request: RecordedRequest): string {
  const target = request.headers["x-amz-target"]?.split(".").at(-1);
  return target ?? formOf(request)["Action"] ?? "";
}
