import { useState } from "preact/hooks";
import type { Failure } from "../../client/results.ts";
import { useDesk } from "../context.ts";
import { Field } from "../fields/field.tsx";
import { go } from "../navigation.ts";
import { Button } from "../parts/button.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Problem, titleOf, useWait } from "../parts/problem.tsx";
import type { Detail } from "../store.ts";
import { sentence } from "../words.ts";
import { Reload, UNDER_WAY } from "./rotate.tsx";
import { useAlive } from "./submitting.tsx";

const DAY_MS = 86_400_000;

/** Deletes an integration: at a day, which can be undone until then, or now, which cannot. */
export function Remove({ code, detail, onClose }: { code: string; detail: Detail; onClose: () => void }) {
  const { store, toast } = useDesk();
  const [{ info, etag }, setBase] = useState(detail);
  const [when, setWhen] = useState<"later" | "now">("later");
  const [date, setDate] = useState(() => new Date(Date.now() + 7 * DAY_MS).toISOString().slice(0, 10));
  const [typed, setTyped] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [isBusy, setBusy] = useState(false);
  const alive = useAlive();
  const wait = useWait(failure);
  const word = code.toLowerCase();
  /** Whether it has come to that after all: the answer may have been lost on the way. */
  const isDone = async () => {
    await store.refresh(code);
    if (when === "now") return !store.details.has(code) && store.summaries[code]?.lifecycle === "not_configured";
    return store.details.get(code)?.info.deactivation_scheduled_at?.slice(0, 10) === date;
  };
  const submit = async () => {
    if (isBusy || wait !== null) return;
    setFailure(null);
    const wrong =
      when === "now" && typed.trim() !== word
        ? `Type ${word} to confirm.`
        : when === "later" && !isAhead(date)
          ? "Choose a day from today to less than a year ahead."
          : null;
    setError(wrong);
    if (wrong !== null) return;
    setBusy(true);
    const answer = await store.client.deleteIntegration(store.org, word, {
      ...(etag ? { ifMatch: etag } : {}),
      ...(when === "later" ? { deactivationScheduledAt: date } : {}),
    });
    // What is read again may take the view away, and this with it.
    const isHere = alive.current;
    const isLost = !answer.success && [0, 404, 412].includes(answer.status) && (await isDone());
    setBusy(false);
    if (!answer.success && !isLost) {
      if (!alive.current) return toast(`${info.display_name}: ${titleOf(answer)}`, "bad");
      const about = answer.errors?.find(({ field }) => field === "query:deactivation_scheduled_at");
      return about === undefined ? setFailure(answer) : setError(sentence(about.message));
    }
    toast(
      when === "later"
        ? `${info.display_name} will be deleted. You can undo that until then.`
        : `${info.display_name} is deleted.`,
    );
    if (when === "now" && isHere) go(store.org, { view: "overview", section: null });
    await store.refresh(code);
    if (when === "later" && alive.current) onClose();
  };
  const rebase = (newest: Detail | undefined) => {
    if (newest === undefined) return onClose();
    setBase(newest);
    setFailure(null);
  };
  return (
    <Dialog title={`Delete ${info.display_name}`} onClose={onClose} busy={isBusy}>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <fieldset class="choices">
          <legend class="hidden">When</legend>
          <label>
            <input type="radio" name="when" checked={when === "later"} onChange={() => setWhen("later")} />
            <span>
              <strong>On a day</strong>
              <span class="help">It works until then, and you can undo it.</span>
            </span>
          </label>
          <label>
            <input type="radio" name="when" checked={when === "now"} onChange={() => setWhen("now")} />
            <span>
              <strong>Now</strong>
              <span class="help">
                Pipelines are refused it at once, and its secret is destroyed. This cannot be undone.
              </span>
            </span>
          </label>
        </fieldset>
        {when === "later" ? (
          <Field label="Delete at the end of" error={error} help="In UTC.">
            {(tied) => (
              <input {...tied} type="date" value={date} onInput={(event) => setDate(event.currentTarget.value)} />
            )}
          </Field>
        ) : (
          <Field label={`Type ${word} to confirm`} error={error}>
            {(tied) => (
              <input
                {...tied}
                class="mono"
                value={typed}
                autoComplete="off"
                spellcheck={false}
                onInput={(event) => setTyped(event.currentTarget.value)}
              />
            )}
          </Field>
        )}
        {info.category === "saas" ? null : (
          <p class="help">Deleting it here does not revoke the key at the provider: do that there as well.</p>
        )}
        {failure ? (
          <Problem failure={failure} actions={<Reload failure={failure} code={code} onDone={rebase} />} />
        ) : null}
        <div class="actions form-actions">
          <Button off={isBusy ? UNDER_WAY : null} onClick={onClose}>
            Cancel
          </Button>
          <Button look="danger" type="submit" busy={isBusy} off={wait}>
            {when === "later" ? "Schedule the deletion" : "Delete now"}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Whether the end of a day lies ahead, and no more than a year. */
function isAhead(date: string): boolean {
  const end = Date.parse(date) + DAY_MS;
  return end > Date.now() && end <= Date.now() + 365 * DAY_MS;
}
