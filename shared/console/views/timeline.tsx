import { useCallback, useEffect, useState } from "preact/hooks";
import type { HistoryItem } from "../../client/answers.ts";
import type { Failure } from "../../client/results.ts";
import { useDesk } from "../context.ts";
import { toneIcons } from "../parts/badge.tsx";
import { Button } from "../parts/button.tsx";
import { Icon } from "../parts/icon.tsx";
import { Moment } from "../parts/moment.tsx";
import { Problem } from "../parts/problem.tsx";
import { Skeleton } from "../parts/skeleton.tsx";
import { happened } from "../words.ts";

const PAGE = 8;

/** What has happened to an integration, newest first. */
export function Timeline({ code, version }: { code: string; version: string }) {
  const { store } = useDesk();
  const [items, setItems] = useState<readonly HistoryItem[] | null>(null);
  const [cursor, setCursor] = useState<string | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [isBusy, setBusy] = useState(false);
  const more = useCallback(
    async (after: string | null) => {
      setBusy(true);
      const answer = await store.client.getHistory(store.org, code.toLowerCase(), {
        limit: PAGE,
        ...(after === null ? {} : { cursor: after }),
      });
      setBusy(false);
      if (!answer.success) return setFailure(answer);
      setFailure(null);
      setItems((before) => [...(after === null ? [] : (before ?? [])), ...answer.items]);
      setCursor(answer.nextCursor);
    },
    [store, code],
  );
  useEffect(() => {
    if (version !== "") void more(null);
  }, [more, version]);
  return (
    <section class="card" aria-labelledby="history">
      <h2 id="history">History</h2>
      {failure ? <Problem failure={failure} again={() => void more(cursor)} /> : null}
      {items === null ? (
        failure ? null : (
          <Skeleton lines={3} />
        )
      ) : (
        <ol class="timeline">
          {items.map((item) => {
            const { text, tone } = happened(item.type, item.status);
            return (
              <li key={`${item.at} ${item.type}`} class={tone}>
                <span class="dot">
                  <Icon name={toneIcons[tone]} size={13} />
                </span>
                <p>
                  <strong>{text}</strong>
                  <Moment at={item.at} />
                </p>
                <p class="row-sub">
                  by {item.actor}
                  {item.fingerprint ? ` · fingerprint ${item.fingerprint}` : ""}
                  {item.key_version ? ` · key version ${item.key_version}` : ""}
                </p>
              </li>
            );
          })}
        </ol>
      )}
      {cursor ? (
        <Button small busy={isBusy} onClick={() => void more(cursor)}>
          Load more
        </Button>
      ) : null}
    </section>
  );
}
