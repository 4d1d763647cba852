import { useState } from "preact/hooks";
import type { Failure } from "../../client/results.ts";
import { useDesk } from "../context.ts";
import { Field } from "../fields/field.tsx";
import { go } from "../navigation.ts";
import { Button } from "../parts/button.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Problem } from "../parts/problem.tsx";
import type { Detail } from "../store.ts";
import { Reload } from "./rotate.tsx";

const DAY_MS = 86_400_000;

/** Deletes an integration: at a day, which can be undone until then, or now, which cannot. */
export function Remove({
  code,
  detail: { info, etag },
  onClose,
}: {
  code: string;
  detail: Detail;
  onClose: () => void;
}) {
  const { store, toast } = useDesk();
  const [when, setWhen] = useState<"later" | "now">("later");
  const [date, setDate] = useState(() => new Date(Date.now() + 7 * DAY_MS).toISOString().slice(0, 10));
  const [typed, setTyped] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [isBusy, setBusy] = useState(false);
  const word = code.toLowerCase();
  const submit = async () => {
    setFailure(null);
    const wrong =
      when === "now" && typed.trim() !== word
        ? `Type ${word} to confirm.`
        : when === "later" && !(Date.parse(date) > Date.now() - DAY_MS && Date.parse(date) < Date.now() + 365 * DAY_MS)
          ? "Choose a day from today to one year ahead."
          : null;
    setError(wrong);
    if (wrong !== null || isBusy) return;
    setBusy(true);
    const answer = await store.client.deleteIntegration(store.org, word, {
      ...(etag ? { ifMatch: etag } : {}),
      ...(when === "later" ? { deactivationScheduledAt: date } : {}),
    });
    setBusy(false);
    if (!answer.success) return setFailure(answer);
    toast(
      when === "later"
        ? `${info.display_name} will be deleted. You can undo that until then.`
        : `${info.display_name} is deleted.`,
    );
    if (when === "now") go(store.org, { view: "overview", section: null });
    await store.refresh(code);
    if (when === "later") onClose();
  };
  return (
    <Dialog title={`Delete ${info.display_name}`} onClose={onClose}>
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
          <Problem
            failure={failure}
            actions={<Reload failure={failure} code={code} onDone={() => setFailure(null)} />}
          />
        ) : null}
        <div class="actions form-actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button look="danger" type="submit" busy={isBusy}>
            {when === "later" ? "Schedule the deletion" : "Delete now"}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
