import { crc32c } from "../../../shared/adapters/cloud/crc32c.ts";
import { type Allows, identityOf } from "../bearer.ts";
import type { Answer } from "../http-simulator.ts";
import { type Fault, type FaultPlan, planFaults, refusalOf } from "../kms/faults.ts";
import { type HttpRequest, protoJson, serveHttp } from "../kms/http.ts";
import { denied, Refusal, unauthenticated } from "../kms/refusal.ts";

/** Good answers that are not quite: a bit changed after the checksum was made, a checksum left out, other names. */
export const secretFaults = [
  "bit_flipped",
  "checksum_missing",
  "checksum_wrong",
  "no_payload",
  "other_secret",
  "other_version",
  "no_name",
] as const;
export type SecretFault = (typeof secretFaults)[number];

/** A call as it came: nothing of what was answered. */
export interface SecretCall {
  identity: string | null;
  name: string;
  /** `OK` or the refusal's code. */
  outcome: string;
}

/** A secret of the bench, with what an operator does to it. */
export interface StoredSecret {
  /** @returns the number of the new version */
  addVersion(data: Buffer): number;
  enable(version: number): void;
  disable(version: number): void;
  /** Its bytes are gone for ever. */
  destroy(version: number): void;
}

/** Secret Manager on loopback. */
export interface SecretManagerSim {
  /** `http://127.0.0.1:P`, what SECRET_MANAGER_API_ENDPOINT takes. */
  endpoint: string;
  /** The secret of this name (`projects/<P>/secrets/<S>`), made where there is none. */
  secret(name: string): StoredSecret;
  faults: FaultPlan<SecretFault>;
  calls(): readonly SecretCall[];
  forgetCalls(): void;
  /** How many requests have followed a redirect: none of a client that behaves. */
  followed(): number;
  close(): Promise<void>;
}

interface Version {
  state: "ENABLED" | "DISABLED" | "DESTROYED";
  data: Buffer;
}

/** The secret that organisation keys are hashed with. */
export const benchSecret = "projects/cloudact-testing-1/secrets/integrations-pepper";
/** Answers name the project by its number. */
const PROJECT_NUMBER = "123456789012";
const ACCESS = /^\/v1\/(projects\/[^/]+\/secrets\/([^/]+))\/versions\/([^/:]+):access$/;

/**
 * Serves `GET /v1/projects/<P>/secrets/<S>/versions/<V>:access`. Source:
 * https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions/access, read 2026-11-20.
 */
export async function startSecretManager(options: { allows?: Allows } = {}): Promise<SecretManagerSim> {
  const secrets = new Map<string, Version[]>();
  const faults = planFaults<SecretFault>();
  const calls: SecretCall[] = [];
  const http = await serveHttp((request) => {
    const fault = faults.take();
    const identity = identityOf(request.authorization);
    const name = request.path.replace(/^\/v1\//, "").replace(/:access$/, "");
    try {
      const answer = access(request, identity, fault);
      calls.push({ identity, name, outcome: "OK" });
      return { answer, fault };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      calls.push({ identity, name, outcome: error.code });
      return { answer: error.answer, fault };
    }
  });

  function access(request: HttpRequest, identity: string | null, fault: Fault<SecretFault> | null): Answer {
    const told = refusalOf(fault);
    if (told) throw told;
    const [, secret, id, asked] = ACCESS.exec(request.path) ?? [];
    if (request.method !== "GET" || secret === undefined || asked === undefined)
      throw new Refusal("NOT_FOUND", "Method not found.");
    if (options.allows !== undefined) admit(options.allows, identity, secret, asked);
    const { number, data } = find(secrets.get(secret) ?? [], id ?? "", asked);
    const named = {
      secret: fault === "other_secret" ? `${id}-2` : id,
      version: fault === "other_version" ? number + 1 : number,
    };
    const name = `projects/${PROJECT_NUMBER}/secrets/${named.secret}/versions/${named.version}`;
    const checksum = fault === "checksum_wrong" ? (crc32c(data) ^ 1) >>> 0 : crc32c(data);
    const payload = {
      data: changed(data, fault === "bit_flipped").toString("base64"),
      ...(fault === "checksum_missing" ? {} : { dataCrc32c: String(checksum) }),
    };
    return protoJson({ name: fault === "no_name" ? null : name, payload: fault === "no_payload" ? null : payload });
  }

  return {
    endpoint: http.url,
    secret: (name) => handle(secrets, name),
    faults: faults.plan,
    calls: () => calls,
    forgetCalls() {
      calls.length = 0;
    },
    followed: http.followed,
    close: http.close,
  };
}

function handle(secrets: Map<string, Version[]>, name: string): StoredSecret {
  const versions = secrets.get(name) ?? [];
  secrets.set(name, versions);
  const at = (number: number): Version => {
    const version = versions[number - 1];
    if (version === undefined) throw new Error(`${name} has no version ${number}`);
    return version;
  };
  return {
    addVersion: (data) => versions.push({ state: "ENABLED", data: Buffer.from(data) }),
    enable(number) {
      at(number).state = "ENABLED";
    },
    disable(number) {
      at(number).state = "DISABLED";
    },
    destroy(number) {
      at(number).state = "DESTROYED";
      at(number).data = Buffer.alloc(0);
    },
  };
}

function admit(allows: Allows, identity: string | null, secret: string, version: string): void {
  if (identity === null) throw unauthenticated();
  if (allows(identity, { service: "secretmanager", resource: secret, action: "access" })) return;
  const permission = "secretmanager.versions.access";
  const resource = `${secret}/versions/${version}`;
  const message = `Permission '${permission}' denied for resource '${resource}' (or it may not exist).`;
  throw denied("iam.googleapis.com", permission, resource, message);
}

/** `latest` is the version made last, whatever its state. @throws Refusal */
function find(versions: readonly Version[], id: string, asked: string): { number: number; data: Buffer } {
  const name = `projects/${PROJECT_NUMBER}/secrets/${id}`;
  const number = asked === "latest" ? versions.length : Number(asked);
  const version = versions[number - 1];
  if (version === undefined)
    throw new Refusal(
      "NOT_FOUND",
      asked === "latest"
        ? `Secret [${name}] not found or has no versions.`
        : `Secret Version [${name}/versions/${asked}] not found.`,
    );
  if (version.state === "ENABLED") return { number, data: version.data };
  throw new Refusal("FAILED_PRECONDITION", `Secret Version [${name}/versions/${number}] is in ${version.state} state.`);
}

function changed(data: Buffer, really: boolean): Buffer {
  if (!really || data.length === 0) return data;
  const bytes = Buffer.from(data);
  bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 4, bytes.length >> 1);
  return bytes;
}
