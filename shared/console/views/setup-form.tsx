import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Checked, Failure, SetupResult, Stored } from "../../client/results.ts";
import { useDesk } from "../context.ts";
import { CredentialFields } from "../fields/credential-fields.tsx";
import { Field } from "../fields/field.tsx";
import { type EnteredSettings, Setting, settingComplaints, settingValues } from "../fields/setting.tsx";
import { useCredential } from "../fields/use-credential.ts";
import { go } from "../navigation.ts";
import { Button } from "../parts/button.tsx";
import { Notice } from "../parts/notice.tsx";
import { Problem } from "../parts/problem.tsx";
import { type Face, vendorOf } from "../registry.ts";
import { Findings } from "./findings.tsx";
import { newKey, otherOf, place, slugOf } from "./submitting.tsx";

interface Given {
  face: Face;
  segment: string;
  isNew: boolean;
  carried: string | null;
  onDone: (stored: Stored, name: string) => void;
}

const NEEDS_MANAGE = "This organisation key may read only";

/** The form that connects a provider: tested first where one likes, stored only when the provider has accepted it. */
export function SetupForm({ face, segment, isNew, carried, onDone }: Given) {
  const { store, toast } = useDesk();
  const form = useCredential(store.providers, face, carried);
  const [settings, setSettings] = useState<EnteredSettings>({});
  const [errors, setErrors] = useState<Readonly<Record<string, ComponentChildren>>>({});
  const [name, setName] = useState("");
  const [expires, setExpires] = useState("");
  const [isBusy, setBusy] = useState<"test" | "save" | null>(null);
  const [tested, setTested] = useState<Checked | null>(null);
  const [failure, setFailure] = useState<{ why: Failure; of: "test" | "save" } | null>(null);
  const key = useRef({ for: "", key: "" });
  const running = useRef(false);
  const element = useRef<HTMLFormElement>(null);
  const [refusals, refuse] = useState(0);
  useEffect(() => {
    if (refusals > 0) focusFirst(element.current);
  }, [refusals]);
  const isRecord = face.credential_type === "none";
  const isCustom = segment === "custom-new";
  const provider = isCustom
    ? `custom-${slugOf(name)}`
    : segment.startsWith("custom-")
      ? segment
      : face.code.toLowerCase();
  const title = isCustom || segment.startsWith("custom-") ? name || "Subscription" : face.display_name;

  const submit = async (kind: "test" | "save", skipValidation = false) => {
    if (running.current) return;
    setTested(null);
    setFailure(null);
    const wrong = settingComplaints(face.metadata, settings);
    if (isCustom && slugOf(name) === "") wrong["/name"] = "A name is needed: the subscription is listed by it.";
    setErrors(wrong);
    const isWhole = isRecord || form.check();
    if (!isWhole || Object.keys(wrong).length > 0) return refuse((before) => before + 1);
    const request = {
      orgSlug: store.org,
      provider,
      ...(isRecord ? {} : { credential: form.payload() }),
      ...(name.trim() === "" ? {} : { credentialName: name.trim() }),
      metadata: settingValues(face.metadata, settings),
      ...(expires === "" ? {} : { expiresAt: expires }),
      createOnly: isNew,
    };
    // One intent, one key: a second click, or another try after an outage, makes no second version.
    const content = JSON.stringify([request, skipValidation]);
    if (key.current.for !== content) key.current = { for: content, key: newKey() };
    running.current = true;
    setBusy(kind);
    form.hold();
    const answer: SetupResult = await store.client.setupIntegration(
      kind === "test" ? { ...request, dryRun: true } : { ...request, skipValidation, idempotencyKey: key.current.key },
    );
    running.current = false;
    setBusy(null);
    if (answer.success && "dryRun" in answer) setTested(answer);
    else if (answer.success) {
      key.current = { for: "", key: "" };
      form.clear();
      onDone(answer, title);
      toast(`${title} integration configured!`);
      void store.refresh(answer.provider);
    } else {
      const placed = place(face, answer);
      form.setErrors(placed.credential);
      form.setOther(otherOf(store.providers, answer));
      setErrors(placed.settings);
      setFailure(placed.isWhole ? null : { why: answer, of: kind });
      refuse((before) => before + 1);
    }
  };

  const off = store.canManage ? null : NEEDS_MANAGE;
  const needed = [...face.metadata]
    .filter(({ required }) => required || isRecord)
    .sort((left, right) => Number(right.required) - Number(left.required));
  const others = face.metadata.filter(({ required }) => !required && !isRecord);
  const why = failure?.why;
  const isInconclusive = why?.code === "provider_unreachable" || why?.code === "provider_rate_limited";
  const set = (setting: string) => (value: EnteredSettings[string]) => {
    setSettings((before) => ({ ...before, [setting]: value }));
    setErrors(({ [setting]: _, ...rest }) => rest);
  };
  return (
    <form
      ref={element}
      class="card form"
      noValidate
      autoComplete="off"
      aria-label={`${face.display_name} credential`}
      onSubmit={(event) => {
        event.preventDefault();
        if (off === null) void submit("save");
      }}
    >
      <h2>{isRecord ? "The subscription" : "Enter the credential"}</h2>
      {isCustom ? (
        <Field
          label="Name of the subscription"
          error={errors["/name"] ?? errors["/credential_name"]}
          help={slugOf(name) === "" ? null : `It is listed as ${provider}.`}
        >
          {(tied) => (
            <input
              {...tied}
              value={name}
              placeholder="Miro"
              maxLength={100}
              onInput={(event) => setName(event.currentTarget.value)}
            />
          )}
        </Field>
      ) : null}
      {isRecord ? null : <CredentialFields faces={store.providers} face={face} form={form} />}
      {isRecord ? (
        <div class="pairs">
          {needed.map((setting) => (
            <Setting
              key={setting.name}
              setting={setting}
              value={settings[setting.name]}
              errors={errors}
              path={setting.name}
              onChange={set(setting.name)}
            />
          ))}
        </div>
      ) : (
        needed.map((setting) => (
          <Setting
            key={setting.name}
            setting={setting}
            value={settings[setting.name]}
            errors={errors}
            path={setting.name}
            onChange={set(setting.name)}
          />
        ))
      )}
      {isRecord ? null : (
        <details class="more" open={others.some((one) => errors[one.name] !== undefined)}>
          <summary>Expiry date, name{others.length > 0 ? " and settings" : ""}</summary>
          <Field label="Name" optional error={errors["/credential_name"]} help="How you tell it from others.">
            {(tied) => (
              <input
                {...tied}
                value={name}
                placeholder={`${face.display_name} API Key`}
                maxLength={100}
                autoComplete="off"
                onInput={(event) => setName(event.currentTarget.value)}
              />
            )}
          </Field>
          <Field
            label="Expires on"
            optional
            error={errors["/expires_at"]}
            help="Where the provider has shown you a date: you are told 30, 14, 7 and 1 days before."
          >
            {(tied) => (
              <input {...tied} type="date" value={expires} onInput={(event) => setExpires(event.currentTarget.value)} />
            )}
          </Field>
          {others.map((setting) => (
            <Setting
              key={setting.name}
              setting={setting}
              value={settings[setting.name]}
              errors={errors}
              path={setting.name}
              onChange={set(setting.name)}
            />
          ))}
        </details>
      )}
      <div aria-live="polite">
        {tested ? (
          <Notice
            tone={tested.pipelines[0]?.ready === false ? "warn" : "good"}
            loud
            title={
              tested.pipelines[0]?.ready === false
                ? "The key works, but it cannot deliver costs. Nothing has been stored yet."
                : "It works. Nothing has been stored yet."
            }
          >
            <Findings
              face={face}
              capabilities={tested.capabilities}
              pipelines={tested.pipelines}
              warnings={tested.warnings}
            />
          </Notice>
        ) : null}
      </div>
      {failure ? (
        <Problem
          failure={failure.why}
          again={failure.why.retryable ? () => void submit(failure.of) : undefined}
          actions={
            isInconclusive ? (
              <Button small look="quiet" onClick={() => void submit("save", true)}>
                Save now, check later
              </Button>
            ) : failure.why.code === "already_exists" ? (
              <Button
                small
                look="quiet"
                onClick={() =>
                  void store.load().then(() => go(store.org, { view: "provider", segment }, face.category))
                }
              >
                Open it
              </Button>
            ) : null
          }
        />
      ) : null}
      <div class="actions form-actions">
        {isRecord ? null : (
          <Button
            busy={isBusy === "test"}
            off={off ?? (isBusy === "save" ? "It is being saved" : null)}
            onClick={() => void submit("test")}
          >
            {isBusy === "test" ? "Testing…" : "Test"}
          </Button>
        )}
        <Button
          look="main"
          type="submit"
          busy={isBusy === "save"}
          off={off ?? (isBusy === "test" ? "It is being tested" : null)}
        >
          {isBusy === "save"
            ? isRecord
              ? "Saving…"
              : `Asking ${vendorOf(face)}…`
            : isRecord
              ? "Save"
              : isNew
                ? "Connect"
                : "Replace"}
        </Button>
      </div>
      {isRecord ? null : (
        <p class="fine">
          It is tried at {vendorOf(face)} first. Only when that accepts it, it is encrypted and stored; nobody can read
          it here again.
        </p>
      )}
    </form>
  );
}

/** Goes to the first control at which something is wrong. */
function focusFirst(form: HTMLFormElement | null): void {
  form?.querySelector<HTMLElement>("[aria-invalid=true], .field.wrong button")?.focus();
}
