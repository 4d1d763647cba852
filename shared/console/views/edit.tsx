import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Failure } from "../../client/results.ts";
import { useDesk } from "../context.ts";
import { Field } from "../fields/field.tsx";
import { type EnteredSettings, enteredOf, Setting, settingComplaints, settingValues } from "../fields/setting.tsx";
import { Button } from "../parts/button.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Problem } from "../parts/problem.tsx";
import type { Face } from "../registry.ts";
import type { Detail } from "../store.ts";
import { Reload } from "./rotate.tsx";
import { place } from "./submitting.tsx";

interface Given {
  face: Face;
  code: string;
  detail: Detail;
  onClose: () => void;
}

/** Changes the name, the declared expiry and the settings; the secret is not touched. */
export function Edit({ face, code, detail, onClose }: Given) {
  const { store, toast } = useDesk();
  const { info } = detail;
  const [name, setName] = useState(info.credential_name);
  const [expires, setExpires] = useState(info.expires_at?.slice(0, 10) ?? "");
  const [settings, setSettings] = useState<EnteredSettings>(() => enteredOf(face.metadata, info.metadata));
  const [errors, setErrors] = useState<Readonly<Record<string, ComponentChildren>>>({});
  const [failure, setFailure] = useState<Failure | null>(null);
  const [isBusy, setBusy] = useState(false);
  const isRecord = face.credential_type === "none";
  const submit = async () => {
    const wrong = settingComplaints(face.metadata, settings);
    if (name.trim() === "") wrong["/credential_name"] = "A name is needed.";
    setErrors(wrong);
    setFailure(null);
    if (isBusy || Object.keys(wrong).length > 0) return;
    const metadata = changes(face, info.metadata, settings);
    const change = {
      ...(name.trim() === info.credential_name ? {} : { credentialName: name.trim() }),
      ...(expires === (info.expires_at?.slice(0, 10) ?? "") ? {} : { expiresAt: expires === "" ? null : expires }),
      ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
    };
    if (Object.keys(change).length === 0) return onClose();
    setBusy(true);
    const answer = await store.client.updateIntegration({
      orgSlug: store.org,
      provider: code.toLowerCase(),
      ...change,
      ...(detail.etag ? { ifMatch: detail.etag } : {}),
    });
    setBusy(false);
    if (answer.success) {
      toast(`${info.display_name} is saved.`);
      await store.refresh(code);
      return onClose();
    }
    const placed = place(face, answer);
    setErrors(placed.settings);
    setFailure(placed.isWhole ? null : answer);
  };
  return (
    <Dialog title={`Edit ${info.display_name}`} onClose={onClose} wide>
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
          {face.metadata.map((setting) => (
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
          <Problem
            failure={failure}
            actions={<Reload failure={failure} code={code} onDone={() => setFailure(null)} />}
          />
        ) : null}
        <div class="actions form-actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button look="main" type="submit" busy={isBusy}>
            {isBusy ? "Saving…" : "Save"}
          </Button>
        </div>
      </form>
    </Dialog>
  );
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
