import { type CloudKmsOptions, type KmsClient, openCloudKms } from "../../../shared/adapters/cloud/cloud-kms.ts";
import { connectKmsGrpc } from "../../../shared/adapters/cloud/kms-grpc.ts";
import { connectKmsRest } from "../../../shared/adapters/cloud/kms-rest.ts";
import { systemClock } from "../../../shared/adapters/system-clock.ts";
import type { Clock } from "../../../shared/ports/clock.ts";
import type { KeyManagement } from "../../../shared/ports/key-management.ts";
import type { LogFields, Severity } from "../../../shared/ports/log.ts";
import { signedIn } from "./sign-in.ts";
import { type KmsOptions, type KmsSim, startKms } from "./start.ts";

export const transports = ["rest", "grpc"] as const;
export type Transport = (typeof transports)[number];

/** The bench's Cloud KMS, Google's client before it, and the key on top. */
export interface Stand {
  kms: KmsSim;
  client: KmsClient;
  /** The key, through this client. */
  open(options?: Partial<CloudKmsOptions>): KeyManagement;
  /** What was logged by keys that `open` gave. */
  lines: Array<{ severity: Severity; event: string; fields: LogFields }>;
  /** How long the keys have waited between tries, milliseconds. */
  waits: number[];
  close(): Promise<void>;
}

/** Real time, but waiting costs none of it and is written down. */
export function hurriedClock(waits: number[] = []): Clock {
  return {
    ...systemClock(),
    sleep: async (ms) => {
      waits.push(ms);
    },
  };
}

export async function standBefore(transport: Transport, options: KmsOptions & { as?: string } = {}): Promise<Stand> {
  const kms = await startKms(options);
  const auth = signedIn(options.as ?? "int-setup@cloudact-testing-1.iam.gserviceaccount.com");
  const client =
    transport === "rest"
      ? await connectKmsRest({ auth, apiEndpoint: kms.endpoint })
      : await connectKmsGrpc({ auth, apiEndpoint: kms.grpcEndpoint });
  const lines: Stand["lines"] = [];
  const waits: number[] = [];
  return {
    kms,
    client,
    lines,
    waits,
    open: (given) =>
      openCloudKms({
        connect: async () => client,
        key: kms.key.name,
        clock: hurriedClock(waits),
        log: (severity, event, fields = {}) => lines.push({ severity, event, fields }),
        ...given,
      }),
    async close() {
      await client.close();
      await kms.close();
    },
  };
}
