import type { Allows } from "../bearer.ts";
import { type FaultPlan, planFaults } from "./faults.ts";
import { serveGrpc } from "./grpc.ts";
import { KeyStore, type StoredKey } from "./key-store.ts";
import { serveRest } from "./rest.ts";
import { type KmsCall, type KmsFault, KmsService } from "./service.ts";

/** The key that the bench's functions seal with. */
export const benchKey =
  "projects/cloudact-testing-1/locations/us-central1/keyRings/integrations/cryptoKeys/credentials";

export interface KmsOptions {
  /** Who may do what, by bearer token; where left out everyone may everything. */
  allows?: Allows;
  /** The same seed gives the same keys. */
  seed?: number;
  /** Names of the keys that there are. */
  keys?: readonly string[];
}

/** Cloud KMS on loopback: one key store behind REST and gRPC. */
export interface KmsSim {
  /** REST: `http://127.0.0.1:P`, what KMS_API_ENDPOINT takes. */
  endpoint: string;
  /** gRPC, in plain text: `http://127.0.0.1:P`. */
  grpcEndpoint: string;
  /** The first key, which rotate, disable, enable and destroy are about. */
  key: StoredKey;
  /** Another key, made where there is none. */
  keyNamed(name: string): StoredKey;
  faults: FaultPlan<KmsFault>;
  /** Every encrypt and decrypt so far, in order. */
  calls(): readonly KmsCall[];
  forgetCalls(): void;
  /** How many requests have followed a redirect: none of a client that behaves. */
  followed(): number;
  close(): Promise<void>;
}

export async function startKms(options: KmsOptions = {}): Promise<KmsSim> {
  const store = new KeyStore(options.seed ?? 1);
  const [first = benchKey, ...others] = options.keys ?? [benchKey];
  const key = store.add(first);
  for (const name of others) store.add(name);
  const faults = planFaults<KmsFault>();
  const service = new KmsService(store, faults, options.allows ?? null);
  const [rest, grpc] = await Promise.all([serveRest(service, store), serveGrpc(service)]);
  return {
    endpoint: rest.url,
    grpcEndpoint: grpc.url,
    key,
    keyNamed: (name) => store.add(name),
    faults: faults.plan,
    calls: () => service.calls,
    forgetCalls() {
      service.calls.length = 0;
    },
    followed: rest.followed,
    async close() {
      await Promise.all([rest.close(), grpc.close()]);
    },
  };
}
