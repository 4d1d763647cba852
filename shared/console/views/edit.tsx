import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Failure } from "../../client/results.ts";
import { useDesk } from "../context.ts";
import { Field } from "../fields/field.tsx";
import { type EnteredSettings, enteredOf, Setting, settingComplaints, settingValues } from "../fields/setting.tsx";
import { Button } from "../parts/button.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Problem, titleOf, useWait } from "../parts/problem.tsx";
import { type Face, settingsOf } from "../registry.ts";
import type { Detail } from "../store.ts";
import { Reload, UNDER_WAY } from "./rotate.tsx";
import { place, useAlive, useIntent } from "./submitting.tsx";

interface Given {
  face: Face;
  code: string;
  detail: Detail;
  onClose: () => void;
}

/** Changes the name, the declared expiry and the settings; the secret is not touched. */
export function Edit({ face, code, detail, onClose }: Given) {
  const { store, toast } = useDesk();
  // The version that was opened: what the store reads meanwhile must not change what this change is made on.
  const [base, setBase] = useState(detail);
  const { info } = base;
  const [name, setName] = useState(info.credential_name);
  const [expires, setExpires] = useState(expiryOf(base));
  const [settings, setSettings] = useState<EnteredSettings>(() => enteredOf(face.metadata, info.metadata));
  const [errors, setErrors] = useState<Readonly<Record<string, ComponentChildren>>>({});
  const [failure, setFailure] = useState<Failure | null>(null);
  const [isBusy, setBusy] = useState(false);
  const intent = useIntent();
  const alive = useAlive();
  const wait = useWait(failure);
  const isRecord = face.credential_type === "none";
  const submit = async () => {
    const wrong = settingComplaints(face.metadata, settings);
    if (name.trim() === "") wrong["/credential_name"] = "A name is needed.";
    setErrors(wrong);
    if (wait !== null) return;
    setFailure(null);
    if (isBusy || Object.keys(wrong).length > 0) return;
    const metadata = changes(face, info.metadata, settings);
    const change = {
      ...(name.trim() === info.credential_name ? {} : { credentialName: name.trim() }),
      ...(expires === expiryOf(base) ? {} : { expiresAt: expires === "" ? null : expires }),
      ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
    };
    if (Object.keys(change).length === 0) return onClose();
    setBusy(true);
    const answer = await store.client.updateIntegration({
      orgSlug: store.org,
      provider: code.toLowerCase(),
      ...change,
      idempotencyKey: intent([base.etag, change]),
      ...(base.etag ? { ifMatch: base.etag } : {}),
    });
    setBusy(false);
    if (answer.success) {
      toast(`${info.display_name} is saved.`);
      await store.refresh(code);
      return alive.current ? onClose() : undefined;
    }
    if (!alive.current) return toast(`${info.display_name}: ${titleOf(answer)}`, "bad");
    const placed = place(face, answer);
    setErrors(placed.settings);
    setFailure(placed.isWhole ? null : answer);
  };
  /** What was not touched here becomes the newest; what was stays, to be saved on top of it. */
  const rebase = (newest: Detail | undefined) => {
    if (newest === undefined) return onClose();
    const before = enteredOf(face.metadata, info.metadata);
    const after = enteredOf(face.metadata, newest.info.metadata);
    setName((now) => (now === info.credential_name ? newest.info.credential_name : now));
    setExpires((now) => (now === expiryOf(base) ? expiryOf(newest) : now));
    setSettings((now) => {
      const isTouched = (setting: string) => JSON.stringify(now[setting]) !== JSON.stringify(before[setting]);
      return { ...after, ...Object.fromEntries(Object.entries(now).filter(([setting]) => isTouched(setting))) };
    });
    setBase(newest);
    setFailure(null);
  };
  return (
    <Dialog title={`Edit ${info.display_name}`} onClose={onClose} wide busy={isBusy}>
      <form
        noValidate
        autoComplete="off"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <Field label="Name" error={errors["/credential_name"]}>
          {(tied) => (
            <input
              {...tied}
              value={name}
              maxLength={100}
              autoComplete="off"
              onInput={(event) => setName(event.currentTarget.value)}
            />
          )}
        </Field>
        {isRecord ? null : (
          <Field
            label="Expires on"
            optional
            error={errors["/expires_at"]}
            help="The date that the provider showed. Emptied, only what a check finds counts."
          >
            {(tied) => (
              <input {...tied} type="date" value={expires} onInput={(event) => setExpires(event.currentTarget.value)} />
            )}
          </Field>
        )}
        <div class={isRecord ? "pairs" : ""}>
          {settingsOf(face, settings).map((setting) => (
            <Setting
              key={setting.name}
              setting={setting}
              value={settings[setting.name]}
              errors={errors}
              path={setting.name}
              onChange={(value) => setSettings((before) => ({ ...before, [setting.name]: value }))}
            />
          ))}
        </div>
        {failure ? (
          <Problem failure={failure} actions={<Reload failure={failure} code={code} onDone={rebase} />} />
        ) : null}
        <div class="actions form-actions">
          <Button off={isBusy ? UNDER_WAY : null} onClick={onClose}>
            Cancel
          </Button>
          <Button look="main" type="submit" busy={isBusy} off={wait}>
            {isBusy ? "Saving…" : "Save"}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** The day of the declared expiry, as a control holds it. */
function expiryOf({ info }: Detail): string {
  return info.expires_at?.slice(0, 10) ?? "";
}

/** The settings that are to be changed; what was emptied is removed by `null`. */
function changes(
  face: Face,
  stored: Readonly<Record<string, unknown>>,
  entered: EnteredSettings,
): Record<string, unknown> {
  const wanted = settingValues(face.metadata, entered);
  return Object.fromEntries(
    face.metadata.flatMap(({ name }) => {
      const before = stored[name] ?? null;
      const after = wanted[name] ?? null;
      return JSON.stringify(before) === JSON.stringify(after) ? [] : [[name, after] as const];
    }),
  );
}
