import type { KeyManagement } from "../ports/key-management.ts";
import type { LegacyKeyTable } from "../ports/legacy-keys.ts";
import type { OlderCredentials } from "../ports/older-credentials.ts";

/** What is asked of the composition: tables as `project.dataset.table`, the older key by its name in Cloud KMS. */
export interface Asked {
  /** The older table of credentials; goes with `oldKey`. */
  from: string | null;
  oldKey: string | null;
  /** The older table of organisation keys. */
  orgKeys: string | null;
}

/** Where older credentials come from. */
export interface Source {
  older: OlderCredentials;
  /** The key that sealed them. */
  oldKey: Pick<KeyManagement, "decrypt">;
}

/** What was asked for, opened; what was not is `null`. */
export interface Migration {
  source: Source | null;
  keys: LegacyKeyTable | null;
  close(): void;
}
