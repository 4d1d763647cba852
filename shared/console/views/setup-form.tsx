import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Checked, Failure, SetupResult, Stored } from "../../client/results.ts";
import { useDesk } from "../context.ts";
import { CredentialFields } from "../fields/credential-fields.tsx";
import { Field } from "../fields/field.tsx";
import { type EnteredSettings, Setting, settingComplaints, settingValues } from "../fields/setting.tsx";
import { useCredential } from "../fields/use-credential.ts";
import { go, takeCarried } from "../navigation.ts";
import { Button } from "../parts/button.tsx";
import { Notice } from "../parts/notice.tsx";
import { Problem, titleOf, useWait } from "../parts/problem.tsx";
import { type Face, isForCosts, settingsOf, vendorOf } from "../registry.ts";
import { Findings } from "./findings.tsx";
import { Reload } from "./rotate.tsx";
import { otherOf, place, slugOf, useAlive, useIntent } from "./submitting.tsx";

interface Given {
  face: Face;
  segment: string;
  isNew: boolean;
  onDone: (stored: Stored, name: string) => void;
}

/** The segment of the form for a subscription that has no name yet. */
export const NEW_CUSTOM = "custom-new";
const NEEDS_MANAGE = "This organisation key may read only";

/** The form that connects a provider: tested first where one likes, stored only when the provider has accepted it. */
export function SetupForm({ face, segment, isNew, onDone }: Given) {
  const { store, toast } = useDesk();
  const form = useCredential(store.providers, face, () => takeCarried(segment));
  const [settings, setSettings] = useState<EnteredSettings>({});
  const [errors, setErrors] = useState<Readonly<Record<string, ComponentChildren>>>({});
  const [name, setName] = useState("");
  const [expires, setExpires] = useState("");
  const [isBusy, setBusy] = useState<"test" | "save" | null>(null);
  const [tested, setTested] = useState<Checked | null>(null);
  const [failure, setFailure] = useState<{ why: Failure; of: "test" | "save" } | null>(null);
  const intent = useIntent();
  const alive = useAlive();
  const wait = useWait(failure?.why ?? null);
  const running = useRef(false);
  const element = useRef<HTMLFormElement>(null);
  const [refusals, refuse] = useState(0);
  useEffect(() => {
    if (refusals > 0) focusFirst(element.current);
  }, [refusals]);
  const isRecord = face.credential_type === "none";
  const isCustom = segment === NEW_CUSTOM;
  const provider = isCustom
    ? `custom-${slugOf(name)}`
    : segment.startsWith("custom-")
      ? segment
      : face.code.toLowerCase();
  const code = segment.startsWith("custom-") ? provider : face.code;
  // The version that this form replaces: what another has stored since is not overwritten.
  const etag = useRef<string | null>(null);
  const read = async (): Promise<Failure | null> => {
    const why = await store.loadDetail(code);
    etag.current = store.details.get(code)?.etag ?? null;
    return why;
  };
  useEffect(() => {
    if (!isNew) void read();
  }, []);
  const metadata = settingsOf(face);
  const title = isCustom || segment.startsWith("custom-") ? name || "Subscription" : face.display_name;

  const submit = async (kind: "test" | "save", skipValidation = false) => {
    if (running.current || wait !== null) return;
    setTested(null);
    setFailure(null);
    const wrong = settingComplaints(metadata, settings);
    const unfit = isCustom ? nameComplaint(name) : null;
    if (unfit !== null) wrong["/name"] = unfit;
    setErrors(wrong);
    const isWhole = isRecord || form.check();
    if (!isWhole || Object.keys(wrong).length > 0) return refuse((before) => before + 1);
    running.current = true;
    setBusy(kind);
    form.hold();
    const unread = isNew || etag.current !== null ? null : await read();
    if (unread !== null && unread.code !== "integrity") {
      running.current = false;
      setBusy(null);
      return setFailure({ why: unread, of: kind });
    }
    const settled = {
      orgSlug: store.org,
      provider,
      ...(name.trim() === "" ? {} : { credentialName: name.trim() }),
      metadata: settingValues(face.metadata, settings),
      ...(expires === "" ? {} : { expiresAt: expires }),
      createOnly: isNew || isCustom,
      ...(etag.current === null ? {} : { ifMatch: etag.current }),
    };
    const request = { ...settled, ...(isRecord ? {} : { credential: form.payload() }) };
    const answer: SetupResult = await store.client.setupIntegration(
      kind === "test"
        ? { ...request, dryRun: true }
        : { ...request, skipValidation, idempotencyKey: intent([settled, form.revision(), skipValidation]) },
    );
    running.current = false;
    setBusy(null);
    if (answer.success && "dryRun" in answer) setTested(answer);
    else if (answer.success) {
      form.clear();
      onDone(answer, title);
      toast(`${title} integration configured!`);
      void store.refresh(answer.provider);
    } else if (!alive.current) toast(`${title}: ${titleOf(answer)}`, "bad");
    else {
      const placed = place(face, answer);
      form.setErrors(placed.credential);
      form.setOther(otherOf(store.providers, answer));
      setErrors(placed.settings);
      setFailure(placed.isWhole ? null : { why: answer, of: kind });
      refuse((before) => before + 1);
    }
  };

  const off = store.canManage ? null : NEEDS_MANAGE;
  const isShown = (one: (typeof metadata)[number]) => one.required || isRecord || isForCosts(one);
  const needed = metadata.filter(isShown).sort((left, right) => Number(right.required) - Number(left.required));
  const others = metadata.filter((one) => !isShown(one));
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
      )}
      {isRecord ? null : (
        <details class="more" open={others.some((one) => errors[one.name] !== undefined)}>
          <summary>Name{others.length > 0 ? " and settings" : ""}</summary>
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
            isInconclusive && isNew ? (
              <Button small look="quiet" onClick={() => void submit("save", true)}>
                Save now, check later
              </Button>
            ) : failure.why.code === "already_exists" ? (
              <Button
                small
                look="quiet"
                onClick={() =>
                  void store
                    .load()
                    .then(() =>
                      go(
                        store.org,
                        { view: "provider", segment: segment.startsWith("custom-") ? provider : face.path },
                        face.category,
                      ),
                    )
                }
              >
                {isCustom ? `Open ${provider}` : "Open it"}
              </Button>
            ) : (
              <Reload
                failure={failure.why}
                code={code}
                onDone={(newest) => {
                  etag.current = newest?.etag ?? null;
                  setFailure(null);
                }}
              />
            )
          }
        />
      ) : null}
      <div class="actions form-actions">
        {isRecord ? null : (
          <Button
            busy={isBusy === "test"}
            off={off ?? wait ?? (isBusy === "save" ? "It is being saved" : null)}
            onClick={() => void submit("test")}
          >
            {isBusy === "test" ? "Testing…" : "Test"}
          </Button>
        )}
        <Button
          look="main"
          type="submit"
          busy={isBusy === "save"}
          off={off ?? wait ?? (isBusy === "test" ? "It is being tested" : null)}
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

/** What is wrong with the name of a new subscription, by which it is listed; `null` where nothing is. */
function nameComplaint(name: string): string | null {
  if (name.trim() === "") return "A name is needed: the subscription is listed by it.";
  const slug = slugOf(name);
  if (slug === "") return "Use at least one Latin letter or digit in it, since the subscription is listed by those.";
  return `custom-${slug}` === NEW_CUSTOM ? "This name is kept for the form itself. Add something to it." : null;
}

/** Goes to the first control at which something is wrong. */
function focusFirst(form: HTMLFormElement | null): void {
  form?.querySelector<HTMLElement>("[aria-invalid=true], .field.wrong button")?.focus();
}
