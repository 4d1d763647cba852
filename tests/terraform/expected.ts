import type { FunctionName } from "../../shared/contract/routes.ts";

export const ENCRYPT = "roles/cloudkms.cryptoKeyEncrypter on key credentials";
export const DECRYPT = "roles/cloudkms.cryptoKeyDecrypter on key credentials";
const AWS = "roles/iam.serviceAccountOpenIdTokenCreator on integrations-aws";
const PEPPER = "roles/secretmanager.secretAccessor on secret integrations-pepper";
const QUERIES = "roles/bigquery.jobUser on project";
export const read = (table: string) => `roles/bigquery.dataViewer on ${table}`;
export const append = (table: string) => `roles/integrationsAppend on integrations.${table}`;
const change = (table: string) => `roles/integrationsChange on integrations.${table}`;
const HISTORY = read("organizations.integration_versions");
const KEYS = read("integrations.org_keys");

/** Said here once more, and not worked out: function → every right that its account has. */
export const expected: Record<FunctionName, string[]> = {
  setup: [AWS, ENCRYPT, PEPPER, QUERIES, KEYS, HISTORY, change("heads"), append("versions")],
  update: [AWS, ENCRYPT, PEPPER, QUERIES, KEYS, HISTORY, change("heads"), append("versions")],
  validate: [
    AWS,
    DECRYPT,
    PEPPER,
    QUERIES,
    KEYS,
    HISTORY,
    change("heads"),
    read("integrations.versions"),
    append("validations"),
  ],
  list: [PEPPER, QUERIES, KEYS, read("integrations.heads")],
  get: [PEPPER, QUERIES, KEYS, HISTORY, read("integrations.heads"), read("integrations.validations")],
  delete: [PEPPER, QUERIES, KEYS, HISTORY, change("heads"), append("versions")],
  decrypt: [
    AWS,
    DECRYPT,
    QUERIES,
    HISTORY,
    change("heads"),
    read("integrations.versions"),
    read("integrations.decrypt_grants"),
  ],
  revalidate: [AWS, DECRYPT, QUERIES, HISTORY, change("heads"), change("versions"), append("validations")],
};

/** Functions that everyone may invoke. */
export const PUBLIC: readonly string[] = ["delete", "get", "list", "setup", "update", "validate"];
