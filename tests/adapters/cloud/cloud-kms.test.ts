import { openCloudKms } from "../../../shared/adapters/cloud/cloud-kms.ts";
import { connectKmsGrpc } from "../../../shared/adapters/cloud/kms-grpc.ts";
import { connectKmsRest } from "../../../shared/adapters/cloud/kms-rest.ts";
import { systemClock } from "../../../shared/adapters/system-clock.ts";
import { signedIn } from "../../platform/kms/sign-in.ts";
import { startKms } from "../../platform/kms/start.ts";
import { describeKeyManagement } from "../../ports/key-management.contract.ts";

const auth = signedIn("int-setup@cloudact-testing-1.iam.gserviceaccount.com");

for (const transport of ["rest", "grpc"] as const)
  describeKeyManagement(`Cloud KMS over ${transport}`, async () => {
    const kms = await startKms();
    const client =
      transport === "rest"
        ? await connectKmsRest({ auth, apiEndpoint: kms.endpoint })
        : await connectKmsGrpc({ auth, apiEndpoint: kms.grpcEndpoint });
    return {
      key: openCloudKms({ connect: async () => client, key: kms.key.name, clock: systemClock() }),
      async rotate() {
        kms.key.rotate();
      },
      async disable(version) {
        kms.key.disable(Number(version));
      },
      async destroy(version) {
        kms.key.destroy(Number(version));
      },
      async dispose() {
        await client.close();
        await kms.close();
      },
    };
  });
