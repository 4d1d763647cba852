import type { ProviderField } from "../../client/answers.ts";
import { carry } from "../navigation.ts";
import { Link } from "../parts/link.tsx";
import { type Face, familyOf } from "../registry.ts";
import { Document } from "./document.tsx";
import { Field, type Tied } from "./field.tsx";
import { Secret } from "./secret.tsx";
import { type CredentialForm, DOCUMENT } from "./use-credential.ts";

interface Given {
  faces: readonly Face[];
  face: Face;
  form: CredentialForm;
}

/** The fields of a provider's credential, as the registry describes them. */
export function CredentialFields({ faces, face, form }: Given) {
  if (face.document)
    return (
      <Field
        label="Key file (JSON)"
        error={form.errors[DOCUMENT]}
        help={`As ${face.display_name} made it, whole and unchanged.`}
      >
        {(tied) => <Document tied={tied} face={face} document={form.document} onDocument={form.setDocument} />}
      </Field>
    );
  const needed = face.fields.filter(({ optional }) => !optional);
  const others = face.fields.filter(({ optional }) => optional);
  const hasOther = others.some(({ name }) => form.values[name] || form.errors[name]);
  return (
    <>
      {needed.map((field) => (
        <One key={field.name} field={field} faces={faces} form={form} />
      ))}
      {others.length > 0 ? (
        <details class="more" open={hasOther}>
          <summary>Only in special cases: {others.map(({ label }) => label).join(", ")}</summary>
          {others.map((field) => (
            <One key={field.name} field={field} faces={faces} form={form} />
          ))}
        </details>
      ) : null}
    </>
  );
}

function One({ field, faces, form }: { field: ProviderField; faces: readonly Face[]; form: CredentialForm }) {
  const { name, label, optional, help } = field;
  const error =
    form.other?.field === name ? (
      <OtherProvider faces={faces} face={form.other.face} text={form.values[name] ?? ""} />
    ) : (
      form.errors[name]
    );
  return (
    <Field label={label} optional={optional} help={help} error={error}>
      {(tied) => <Control tied={tied} field={field} form={form} />}
    </Field>
  );
}

/** A message that appears between press and release moves the button away: who presses one is answered by that. */
function lookUnlessPressed({ relatedTarget }: FocusEvent, look: () => void): void {
  if (!(relatedTarget instanceof HTMLButtonElement)) look();
}

function Control({ tied, field, form }: { tied: Tied; field: ProviderField; form: CredentialForm }) {
  const { name, label, secret, example, options, kind } = field;
  const value = form.values[name] ?? "";
  if (secret)
    return (
      <Secret
        tied={tied}
        label={label}
        value={value}
        isHeld={form.isHeld && value !== ""}
        isLong={kind === "rsa_private_key"}
        placeholder={example?.includes("…") ? example : "Paste it here"}
        onInput={(text) => form.set(name, text)}
        onBlur={(event) => lookUnlessPressed(event, () => form.look(name))}
        onReplace={() => form.release(name)}
      />
    );
  if (options !== null)
    return (
      <select {...tied} value={value} onChange={(event) => form.set(name, event.currentTarget.value)}>
        <option value="">Not set</option>
        {options.map((option) => (
          <option key={option}>{option}</option>
        ))}
      </select>
    );
  return (
    <input
      {...tied}
      class="mono"
      value={value}
      placeholder={example ?? ""}
      autoComplete="off"
      autoCapitalize="off"
      spellcheck={false}
      onInput={(event) => form.set(name, event.currentTarget.value)}
      onBlur={(event) => lookUnlessPressed(event, () => form.look(name))}
    />
  );
}

/** A key of another provider: a link takes it there, so that nobody has to paste it twice. */
function OtherProvider({ faces, face, text }: { faces: readonly Face[]; face: Face; text: string }) {
  const { segment } = familyOf(faces, face);
  return (
    <>
      This looks like a key of {face.display_name}, so it was not sent.{" "}
      <Link to={{ view: "setup", segment }} section={face.category} before={() => carry(segment, text)}>
        Use it for {face.display_name}
      </Link>
    </>
  );
}
