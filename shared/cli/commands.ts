import type { Command } from "./command.ts";
import { showArchitecture } from "./commands/architecture.ts";
import { remove, rotate, setup, update } from "./commands/change.ts";
import { completionOf } from "./commands/completion.ts";
import { runDebug } from "./commands/debug.ts";
import { decrypt } from "./commands/decrypt.ts";
import { runDoctor } from "./commands/doctor.ts";
import { createGrant, listGrants, revokeGrant } from "./commands/grant.ts";
import { runImport } from "./commands/import.ts";
import { get, history, instructions, status, validate } from "./commands/look.ts";
import { runMigrate } from "./commands/migrate.ts";
import { createOrgKey, importOrgKeys, listOrgKeys, revokeOrgKey } from "./commands/org-key.ts";
import { checkProviders } from "./commands/providers.ts";
import { runRewrap } from "./commands/rewrap.ts";
import { runSweep } from "./commands/sweep.ts";
import { issueToken } from "./commands/token.ts";

/** Every command, in the order of the help. */
export const commands: readonly Command[] = [
  setup,
  runImport,
  status,
  get,
  validate,
  history,
  instructions,
  update,
  rotate,
  remove,
  decrypt,
  createOrgKey,
  listOrgKeys,
  revokeOrgKey,
  importOrgKeys,
  createGrant,
  listGrants,
  revokeGrant,
  issueToken,
  runDebug,
  runDoctor,
  runSweep,
  runRewrap,
  runMigrate,
  checkProviders,
  showArchitecture,
  completionOf(() => commands),
];
