import { readChecksum } from "../../../shared/adapters/cloud/crc32c.ts";
import type { Answer } from "../http-simulator.ts";
import type { Fault } from "./faults.ts";
import { type HttpRequest, type HttpService, protoJson, readObject, serveHttp } from "./http.ts";
import type { KeyStore, StoredKey } from "./key-store.ts";
import { Refusal } from "./refusal.ts";
import type { CryptoRequest, KmsService } from "./service.ts";

const KEY = "projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+";
const CRYPTO = new RegExp(`^/v1/(${KEY}(?:/cryptoKeyVersions/[^/:]+)?):(encrypt|decrypt)$`);
const LOOK = new RegExp(`^/v1/(${KEY})(/cryptoKeyVersions)?$`);
const allowed = {
  encrypt: new Set([
    "plaintext",
    "plaintextCrc32c",
    "additionalAuthenticatedData",
    "additionalAuthenticatedDataCrc32c",
  ]),
  decrypt: new Set([
    "ciphertext",
    "ciphertextCrc32c",
    "additionalAuthenticatedData",
    "additionalAuthenticatedDataCrc32c",
  ]),
} as const;

/**
 * Cloud KMS over HTTP: `:encrypt` and `:decrypt`, a key and its versions to look at. Source:
 * https://cloud.google.com/kms/docs/reference/rest/v1/projects.locations.keyRings.cryptoKeys, read 2026-11-20.
 */
export async function serveRest(service: KmsService, store: KeyStore): Promise<HttpService> {
  return await serveHttp((request) => {
    const [, name, method] = CRYPTO.exec(request.path) ?? [];
    if (request.method === "POST" && name !== undefined && method === "encrypt") return encrypt(request, name);
    if (request.method === "POST" && name !== undefined && method === "decrypt") return decrypt(request, name);
    return { answer: look(request, store), fault: null };
  });

  function encrypt(request: HttpRequest, name: string): { answer: Answer; fault: Fault<string> | null } {
    const sent = read(request.body, name, "encrypt");
    if (sent instanceof Refusal) return { answer: sent.answer, fault: null };
    const { reply, fault } = service.encrypt("rest", request.authorization, sent);
    if (reply instanceof Refusal) return { answer: reply.answer, fault };
    const ciphertext = reply.ciphertext.toString("base64");
    const message = { ...reply, ciphertext, ciphertextCrc32c: int64(reply.ciphertextCrc32c) };
    return { answer: protoJson({ ...message, protectionLevel: "SOFTWARE" }), fault };
  }

  function decrypt(request: HttpRequest, name: string): { answer: Answer; fault: Fault<string> | null } {
    const sent = read(request.body, name, "decrypt");
    if (sent instanceof Refusal) return { answer: sent.answer, fault: null };
    const { reply, fault } = service.decrypt("rest", request.authorization, sent);
    if (reply instanceof Refusal) return { answer: reply.answer, fault };
    const plaintext = reply.plaintext.toString("base64");
    const message = { ...reply, plaintext, plaintextCrc32c: int64(reply.plaintextCrc32c) };
    return { answer: protoJson({ ...message, protectionLevel: "SOFTWARE" }), fault };
  }
}

function read(body: Buffer, name: string, method: "encrypt" | "decrypt"): CryptoRequest | Refusal {
  const json = readObject(body);
  if (json === null) return new Refusal("INVALID_ARGUMENT", "Invalid JSON payload received.");
  const unknown = Object.keys(json).find((field) => !allowed[method].has(field));
  if (unknown !== undefined)
    return new Refusal(
      "INVALID_ARGUMENT",
      `Invalid JSON payload received. Unknown name "${unknown}": Cannot find field.`,
    );
  const payload = method === "encrypt" ? "plaintext" : "ciphertext";
  const bytes = (field: string) => Buffer.from(typeof json[field] === "string" ? json[field] : "", "base64");
  const checksum = (field: string) => (json[field] === undefined ? null : (readChecksum(json[field]) ?? -1));
  return {
    name,
    payload: bytes(payload),
    payloadChecksum: checksum(`${payload}Crc32c`),
    aad: bytes("additionalAuthenticatedData"),
    aadChecksum: checksum("additionalAuthenticatedDataCrc32c"),
  };
}

function look(request: HttpRequest, store: KeyStore): Answer {
  const [, name, versions] = LOOK.exec(request.path) ?? [];
  if (request.method !== "GET" || name === undefined) return new Refusal("NOT_FOUND", "Method not found.").answer;
  const key = store.get(name);
  if (key === null) return new Refusal("NOT_FOUND", `CryptoKey ${name} not found.`).answer;
  const all = key.versions().map(({ number, state }) => version(key, number, state));
  if (versions !== undefined) return protoJson({ cryptoKeyVersions: all, totalSize: all.length });
  return protoJson({ name, primary: all[key.primary - 1], purpose: "ENCRYPT_DECRYPT" });
}

function version(key: StoredKey, number: number, state: string) {
  return {
    name: `${key.name}/cryptoKeyVersions/${number}`,
    state,
    protectionLevel: "SOFTWARE",
    algorithm: "GOOGLE_SYMMETRIC_ENCRYPTION",
  };
}

/** Protobuf's JSON has 64-bit integers as text. */
function int64(value: number | null): string | null {
  return value === null ? null : String(value);
}
