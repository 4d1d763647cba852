import { finding } from "../registry/read-answer.ts";
import type { Provider } from "./provider.ts";

export const oci: Provider = {
  async probe() {
    return finding("service_misconfigured", { reason: "internal" });
  },
};
