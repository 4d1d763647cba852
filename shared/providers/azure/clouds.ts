import type { Entry } from "../../registry/entry.ts";

/** Where one of Azure's clouds signs in and is managed. */
export interface AzureCloud {
  /** Base of the sign-in service, `{login}/{tenant}/oauth2/v2.0/token`. */
  login: string;
  /** Base of Resource Manager. */
  arm: string;
  /** What a token is asked for: always Microsoft's own name of Resource Manager, whatever the base. */
  scope: string;
}

/**
 * The clouds by the field `cloud`; the values are names of the entry's endpoints. Source: @azure/identity 4.13.1
 * (authority hosts) and the environments of azure_core 0.21 (Resource Manager hosts), read 2026-11-20.
 */
const CLOUDS: ReadonlyMap<string, { login: string; arm: string; scope: string }> = new Map([
  ["public", { login: "login", arm: "arm", scope: "https://management.azure.com/.default" }],
  [
    "usgovernment",
    { login: "login_usgovernment", arm: "arm_usgovernment", scope: "https://management.usgovcloudapi.net/.default" },
  ],
  ["china", { login: "login_china", arm: "arm_china", scope: "https://management.chinacloudapi.cn/.default" }],
]);

/** The cloud that a credential belongs to, public where it names none; `null` where it is none of them. */
export function azureCloud(entry: Entry, name: string | undefined): AzureCloud | null {
  const cloud = CLOUDS.get(name ?? "public");
  const login = cloud && entry.endpoints[cloud.login];
  const arm = cloud && entry.endpoints[cloud.arm];
  return cloud && login && arm ? { login, arm, scope: cloud.scope } : null;
}
