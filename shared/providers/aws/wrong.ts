import type { Metadata } from "../../contract/rows.ts";
import type { Wrong } from "../../registry/check.ts";
import type { Entry } from "../../registry/entry.ts";

/** What is wrong with the account of a credential: it is our own, or not the one that the customer stated. */
export function accountFaults(entry: Entry, metadata: Metadata, field: string, account: string | null): Wrong[] {
  const reason = accountFault(entry, metadata, account);
  if (reason === null) return [];
  const message =
    reason === "own_account"
      ? "belongs to an account of this service"
      : "belongs to another account than account_id says";
  const remedy = entry.reasons[reason];
  return [{ field, message, reason, ...(remedy ? { remedy } : {}) }];
}

export function accountFault(
  { own_accounts: own }: Entry,
  metadata: Metadata,
  account: string | null,
): "own_account" | "account_mismatch" | null {
  if (account === null) return null;
  if (own.includes(account)) return "own_account";
  const stated = metadata["account_id"];
  return typeof stated === "string" && stated !== account ? "account_mismatch" : null;
}
