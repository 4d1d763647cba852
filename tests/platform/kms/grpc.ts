import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import {
  type handleUnaryCall,
  type Metadata,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import { fromJSON } from "@grpc/proto-loader";
import { readChecksum } from "../../../shared/adapters/cloud/crc32c.ts";
import type { Fault } from "./faults.ts";
import { Refusal } from "./refusal.ts";
import { type Relay, startRelay } from "./relay.ts";
import type { CryptoRequest, KmsFault, KmsService } from "./service.ts";

export interface GrpcService {
  /** `http://127.0.0.1:P` */
  url: string;
  close(): Promise<void>;
}

/** A message as it goes over the wire; one that is `cut` ends early. */
interface Message {
  [field: string]: unknown;
  cut?: boolean;
}

/**
 * Cloud KMS over gRPC, from the messages that Google publishes with its client. A relay stands in front, since a reset
 * is the connection's and not the call's.
 */
export async function serveGrpc(service: KmsService): Promise<GrpcService> {
  const server = new Server({ "grpc.max_receive_message_length": 4 * 1024 * 1024 });
  let relay: Relay | null = null;
  const send = (
    given: { reply: Message | Refusal; fault: Fault<KmsFault> | null },
    callback: sendUnaryData<Message>,
  ) => {
    const { reply, fault } = given;
    const answer = () =>
      reply instanceof Refusal
        ? callback({ code: reply.number, details: reply.message })
        : callback(null, fault === "truncated_json" ? { ...reply, cut: true } : reply);
    if (typeof fault === "object" && fault !== null) {
      setTimeout(answer, fault.slow).unref();
      return;
    }
    switch (fault) {
      case "hang":
        return;
      case "reset_before":
        relay?.break("now");
        return;
      case "reset_mid_reply":
        relay?.break("mid_reply");
        answer();
        return;
      case "html_502":
      case "html_400":
      case "html_200":
      case "redirect":
        callback({ code: status.UNAVAILABLE, details: "Received HTTP status code 502" });
        return;
      default:
        answer();
    }
  };

  const encrypt: handleUnaryCall<Message, Message> = (call, callback) => {
    const { reply, fault } = service.encrypt("grpc", bearer(call.metadata), read(call.request, "plaintext"));
    if (reply instanceof Refusal) send({ reply, fault }, callback);
    else send({ reply: { ...reply, ciphertextCrc32c: wrapped(reply.ciphertextCrc32c) }, fault }, callback);
  };
  const decrypt: handleUnaryCall<Message, Message> = (call, callback) => {
    const { reply, fault } = service.decrypt("grpc", bearer(call.metadata), read(call.request, "ciphertext"));
    if (reply instanceof Refusal) send({ reply, fault }, callback);
    else send({ reply: { ...reply, plaintextCrc32c: wrapped(reply.plaintextCrc32c) }, fault }, callback);
  };
  server.addService(definition(), { encrypt, decrypt });
  const port = await new Promise<number>((done, fail) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? fail(error) : done(bound),
    );
  });
  relay = await startRelay(port);
  const front = relay;
  return {
    url: `http://127.0.0.1:${front.port}`,
    async close() {
      await front.close();
      server.forceShutdown();
    },
  };
}

/** The two methods of the published service. */
function definition(): ServiceDefinition {
  const file = createRequire(import.meta.url).resolve("@google-cloud/kms/build/protos/protos.json");
  const all = fromJSON(JSON.parse(readFileSync(file, "utf8")), { longs: String, enums: String, defaults: true });
  const service = all["google.cloud.kms.v1.KeyManagementService"];
  if (service === undefined || "format" in service) throw new Error("the package publishes no such service");
  return Object.fromEntries(
    Object.entries(service)
      .filter(([name]) => name === "Encrypt" || name === "Decrypt")
      .map(([name, method]) => [name, { ...method, responseSerialize: cutting(method.responseSerialize) }]),
  );
}

/** The last byte is what goes: cut elsewhere, a message may still read as a whole one with less in it. */
function cutting(serialize: (message: Message) => Buffer): (message: Message) => Buffer {
  return (message) => {
    const bytes = serialize(message);
    return message.cut ? bytes.subarray(0, -1) : bytes;
  };
}

function read(message: Message, payload: "plaintext" | "ciphertext"): CryptoRequest {
  const bytes = (field: string) => (Buffer.isBuffer(message[field]) ? message[field] : Buffer.alloc(0));
  const checksum = (field: string) => (message[field] ? (readChecksum(message[field]) ?? -1) : null);
  return {
    name: typeof message["name"] === "string" ? message["name"] : "",
    payload: bytes(payload),
    payloadChecksum: checksum(`${payload}Crc32c`),
    aad: bytes("additionalAuthenticatedData"),
    aadChecksum: checksum("additionalAuthenticatedDataCrc32c"),
  };
}

function wrapped(checksum: number | null): { value: number } | null {
  return checksum === null ? null : { value: checksum };
}

function bearer(metadata: Metadata): string | undefined {
  const [value] = metadata.get("authorization");
  return value === undefined ? undefined : String(value);
}
