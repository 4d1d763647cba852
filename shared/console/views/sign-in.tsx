import { useRef, useState } from "preact/hooks";
import type { Failure } from "../../client/results.ts";
import { Field } from "../fields/field.tsx";
import { Button } from "../parts/button.tsx";
import { Heading } from "../parts/heading.tsx";
import { Icon } from "../parts/icon.tsx";
import { Problem } from "../parts/problem.tsx";
import { Store } from "../store.ts";
import { Theme } from "./theme.tsx";

const ORG = /^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$/;

/** Asks for an organisation and its key. The key goes into memory and nowhere else. */
export function SignIn({ org, onOpen }: { org: string | null; onOpen: (store: Store) => void }) {
  const [name, setName] = useState(org ?? "");
  const [isBusy, setBusy] = useState(false);
  const [errors, setErrors] = useState<{ org?: string; key?: string }>({});
  const [failure, setFailure] = useState<Failure | null>(null);
  const key = useRef<HTMLInputElement>(null);
  const submit = async () => {
    const given = key.current?.value.trim() ?? "";
    const wrong = {
      ...(ORG.test(name) ? {} : { org: "An organisation is 1 to 63 characters of a–z, 0–9, - and _, in lower case." }),
      ...(given === "" ? { key: "The organisation key is needed." } : {}),
    };
    setErrors(wrong);
    setFailure(null);
    if (Object.keys(wrong).length > 0 || isBusy) return;
    if (key.current) key.current.value = "";
    setBusy(true);
    const opened = await Store.open(name, given);
    setBusy(false);
    if (opened instanceof Store) return onOpen(opened);
    if (opened.code === "org_key_invalid")
      setErrors({
        key: "This key is not known here: it may be incomplete, revoked, expired, or of another environment.",
      });
    else if (opened.code === "forbidden") setErrors({ org: "This key belongs to another organisation." });
    else setFailure(opened);
    key.current?.focus();
  };
  return (
    <div class="gate">
      <main class="gate-card">
        <div class="brand">
          <span class="mark">
            <Icon name="check" />
          </span>
          CloudAct <span class="brand-quiet">integrations</span>
        </div>
        <Heading text="Open your organisation" />
        <p class="lead">Connect cloud and AI accounts so that cost pipelines can read what they spend.</p>
        <form
          noValidate
          autoComplete="off"
          onSubmit={(event) => {
            event.preventDefault();
            void submit();
          }}
        >
          <Field label="Organisation" error={errors.org}>
            {(tied) => (
              <input
                {...tied}
                value={name}
                placeholder="acme"
                autoComplete="off"
                autoCapitalize="off"
                spellcheck={false}
                onInput={(event) => setName(event.currentTarget.value.trim())}
              />
            )}
          </Field>
          <Field
            label="Organisation key"
            error={errors.key}
            help="Kept in this page’s memory only. It is gone when you lock, reload or close it."
          >
            {(tied) => (
              <input
                {...tied}
                ref={key}
                class="mono"
                type="password"
                placeholder="cact_…"
                autoComplete="one-time-code"
                data-1p-ignore=""
                data-lpignore="true"
                data-bwignore=""
              />
            )}
          </Field>
          {failure ? <Problem failure={failure} /> : null}
          <Button look="main" type="submit" busy={isBusy}>
            {isBusy ? "Opening…" : "Open"}
          </Button>
        </form>
        <details class="more">
          <summary>Where do I get a key?</summary>
          <p class="help">Whoever runs this service creates one, and it is shown only once:</p>
          <pre class="code wrapped">npm run cli -- org-key create {name || "acme"} --scope manage</pre>
        </details>
      </main>
      <div class="gate-theme">
        <Theme />
      </div>
    </div>
  );
}
