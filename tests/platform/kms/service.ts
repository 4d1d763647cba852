import { crc32c } from "../../../shared/adapters/cloud/crc32c.ts";
import { type Allows, identityOf } from "../bearer.ts";
import { type Fault, type Faults, refusalOf } from "./faults.ts";
import { type KeyStore, otherKey } from "./key-store.ts";
import { denied, Refusal, unauthenticated } from "./refusal.ts";

/**
 * Good answers that are not quite: one bit of the payload changed after its checksum was made, or of the request before
 * Cloud KMS saw it; a verified flag that is not set; a checksum left out, or another one; the name of another key, of
 * none, or of a version that is no number.
 */
export const kmsFaults = [
  "bit_flipped",
  "request_flipped",
  "plaintext_unverified",
  "aad_unverified",
  "checksum_missing",
  "checksum_wrong",
  "other_key",
  "no_name",
  "odd_version",
] as const;
export type KmsFault = (typeof kmsFaults)[number];

/** A call as it came: nothing of what it carried. */
export interface KmsCall {
  transport: "rest" | "grpc";
  method: "encrypt" | "decrypt";
  identity: string | null;
  name: string;
  /** How many checksums came with it: one for the payload, one for the associated data. */
  checksums: number;
  /** `OK` or the refusal's code; what happened on the way back is not in here. */
  outcome: string;
}

/** An encrypt or decrypt request off the wire. Checksums are `null` where they were not sent. */
export interface CryptoRequest {
  name: string;
  payload: Buffer;
  payloadChecksum: number | null;
  aad: Buffer;
  aadChecksum: number | null;
}

export interface EncryptReply {
  name: string;
  ciphertext: Buffer;
  ciphertextCrc32c: number | null;
  verifiedPlaintextCrc32c: boolean;
  verifiedAdditionalAuthenticatedDataCrc32c: boolean;
}

export interface DecryptReply {
  plaintext: Buffer;
  plaintextCrc32c: number | null;
  usedPrimary: boolean;
}

const MOST_BYTES = 64 * 1024;
const permissions = {
  encrypt: "cloudkms.cryptoKeyVersions.useToEncrypt",
  decrypt: "cloudkms.cryptoKeyVersions.useToDecrypt",
} as const;

/** Cloud KMS behind both transports: who may, checksums, limits, and what the fault does to a good answer. */
export class KmsService {
  readonly #store: KeyStore;
  readonly #faults: Faults<KmsFault>;
  readonly #allows: Allows | null;
  readonly calls: KmsCall[] = [];

  constructor(store: KeyStore, faults: Faults<KmsFault>, allows: Allows | null) {
    this.#store = store;
    this.#faults = faults;
    this.#allows = allows;
  }

  /** @returns the reply and what is to happen to it on its way */
  encrypt(transport: "rest" | "grpc", authorization: string | undefined, request: CryptoRequest) {
    return this.#serve("encrypt", transport, authorization, request, (sent, fault): EncryptReply => {
      const { ciphertext, version } = this.#store.encrypt(sent.name, sent.payload, sent.aad);
      const [key = ""] = sent.name.split("/cryptoKeyVersions/");
      return {
        name: nameIn(key, version, fault),
        ciphertextCrc32c: checksumOf(ciphertext, fault),
        ciphertext: flipped(ciphertext, fault === "bit_flipped"),
        verifiedPlaintextCrc32c: sent.payloadChecksum !== null && fault !== "plaintext_unverified",
        verifiedAdditionalAuthenticatedDataCrc32c: sent.aadChecksum !== null && fault !== "aad_unverified",
      };
    });
  }

  decrypt(transport: "rest" | "grpc", authorization: string | undefined, request: CryptoRequest) {
    return this.#serve("decrypt", transport, authorization, request, (sent, fault): DecryptReply => {
      const { plaintext, usedPrimary } = this.#store.decrypt(sent.name, sent.payload, sent.aad);
      return {
        plaintextCrc32c: checksumOf(plaintext, fault),
        plaintext: flipped(plaintext, fault === "bit_flipped"),
        usedPrimary,
      };
    });
  }

  #serve<Reply>(
    method: "encrypt" | "decrypt",
    transport: "rest" | "grpc",
    authorization: string | undefined,
    request: CryptoRequest,
    work: (request: CryptoRequest, fault: Fault<KmsFault> | null) => Reply,
  ): { reply: Reply | Refusal; fault: Fault<KmsFault> | null } {
    const fault = this.#faults.take();
    const identity = identityOf(authorization);
    let reply: Reply | Refusal;
    try {
      const told = refusalOf(fault);
      if (told) throw told;
      this.#admit(identity, method, request.name);
      const sent = fault === "request_flipped" ? { ...request, payload: flipped(request.payload, true) } : request;
      check(method, sent);
      reply = work(sent, fault);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      reply = error;
    }
    const outcome = reply instanceof Refusal ? reply.code : "OK";
    const checksums = [request.payloadChecksum, request.aadChecksum].filter((one) => one !== null).length;
    this.calls.push({ transport, method, identity, name: request.name, checksums, outcome });
    return { reply, fault };
  }

  #admit(identity: string | null, method: "encrypt" | "decrypt", name: string): void {
    if (this.#allows === null) return;
    if (identity === null) throw unauthenticated();
    const [resource = ""] = name.split("/cryptoKeyVersions/");
    if (this.#allows(identity, { service: "kms", resource, action: method })) return;
    const permission = permissions[method];
    const message = `Permission '${permission}' denied on resource '${resource}' (or it may not exist).`;
    throw denied("cloudkms.googleapis.com", permission, resource, message);
  }
}

/** @throws Refusal where a checksum does not match, or there is too much */
function check(method: "encrypt" | "decrypt", request: CryptoRequest): void {
  const payload = method === "encrypt" ? "plaintext" : "ciphertext";
  const fields = [
    [payload, request.payload, request.payloadChecksum],
    ["additional_authenticated_data", request.aad, request.aadChecksum],
  ] as const;
  for (const [field, bytes, checksum] of fields)
    if (checksum !== null && checksum !== crc32c(bytes))
      throw new Refusal(
        "INVALID_ARGUMENT",
        `The checksum in field ${field}_crc32c did not match the data in field ${field}.`,
      );
  const limits = [
    ["plaintext", method === "encrypt" ? request.payload.length : 0],
    ["additional_authenticated_data", request.aad.length],
  ] as const;
  for (const [field, length] of limits)
    if (length > MOST_BYTES)
      throw new Refusal(
        "INVALID_ARGUMENT",
        `Request field ${field} must have length of at least 0, but not more than ${MOST_BYTES}. Provided value had length ${length}.`,
      );
}

function nameIn(key: string, version: number, fault: Fault<KmsFault> | null): string {
  if (fault === "no_name") return "";
  if (fault === "odd_version") return `${key}/cryptoKeyVersions/latest`;
  return `${fault === "other_key" ? otherKey(key) : key}/cryptoKeyVersions/${version}`;
}

function checksumOf(bytes: Buffer, fault: Fault<KmsFault> | null): number | null {
  if (fault === "checksum_missing") return null;
  return fault === "checksum_wrong" ? (crc32c(bytes) ^ 1) >>> 0 : crc32c(bytes);
}

/** A copy with one bit changed, in the middle. */
function flipped(bytes: Buffer, really: boolean): Buffer {
  if (!really || bytes.length === 0) return bytes;
  const changed = Buffer.from(bytes);
  const at = Math.floor(changed.length / 2);
  changed.writeUInt8(changed.readUInt8(at) ^ 4, at);
  return changed;
}
