import type { DuePage, Pair, SealedHead, SealedPage } from "../../ports/credential-store.ts";
import { type OnCorrupt, readEach } from "./changes.ts";
import { bytesOrNull, count, type Row, readHeadRow, text, timeOrNull } from "./rows.ts";

/**
 * Rows with the columns of a head, `encrypted_credential`, `due_total` and `rest_due_at`; one without a head where the
 * page is empty.
 *
 * @throws Fault `integrity`
 */
export function readDuePage(rows: readonly Row[], limit: number, onCorrupt: OnCorrupt): DuePage {
  const { found, last, first } = pageOf(rows, limit);
  return {
    rows: readEach(found, readSealedHead, "read_due", onCorrupt),
    due_total: first ? count(first, "due_total") : 0,
    next_due_at: first ? timeOrNull(first, "rest_due_at") : null,
    next: last
      ? {
          reported: last["reported_at"] !== null,
          next_due_at: text(last, "next_due_at"),
          credential_id: text(last, "credential_id"),
        }
      : null,
  };
}

/** As above, with `total` beside the head. @throws Fault `integrity` */
export function readSealedPage(rows: readonly Row[], limit: number, onCorrupt: OnCorrupt): SealedPage {
  const { found, last, first } = pageOf(rows, limit);
  const unread: Pair[] = [];
  return {
    rows: readEach(found, readSealedHead, "read_sealed_elsewhere", (row) => {
      unread.push({ org_slug: row.org_slug, provider: row.provider });
      onCorrupt(row);
    }),
    unread,
    total: first ? count(first, "total") : 0,
    next: last ? { org_slug: text(last, "org_slug"), provider: text(last, "provider") } : null,
  };
}

/** `last` only where another page may follow. */
function pageOf(rows: readonly Row[], limit: number) {
  const found = rows.filter((row) => row["org_slug"] !== null);
  return { found, last: found.length === limit ? found.at(-1) : undefined, first: rows[0] };
}

function readSealedHead(row: Row): SealedHead {
  return { head: readHeadRow(row), encrypted_credential: bytesOrNull(row, "encrypted_credential") };
}
