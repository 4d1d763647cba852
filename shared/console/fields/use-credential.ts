import type { ComponentChildren } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { type Face, fieldComplaint, recognise, repaired } from "../registry.ts";

/** A field in which there is a key of another provider. */
export interface Other {
  field: string;
  face: Face;
}

/** A credential as it is being entered. Its secrets are in memory; what was sent is in no control of the page any more. */
export interface CredentialForm {
  values: Readonly<Record<string, string>>;
  document: Record<string, unknown> | null;
  isHeld: boolean;
  errors: Readonly<Record<string, ComponentChildren>>;
  /** Another provider, whose key was entered in this field. */
  other: Other | null;
  set: (name: string, text: string) => void;
  setDocument: (document: Record<string, unknown> | null, complaint: string | null) => void;
  /** Looks at a field that was left. */
  look: (name: string) => void;
  /** Notes what the service has said: whose key it is. */
  setOther: (other: Other | null) => void;
  /** Takes what was sent out of the page. */
  hold: () => void;
  release: (name: string) => void;
  setErrors: (errors: Record<string, ComponentChildren>) => void;
  /** Looks at all; whether it can be sent. */
  check: () => boolean;
  /** Another number after each change of what is sent. */
  revision: () => number;
  /** What is sent: an object of fields, or the document. */
  payload: () => Record<string, unknown>;
  clear: () => void;
}

/** The name under which a document's complaint stands. */
export const DOCUMENT = "";

/** A credential's form; `take` gives what was entered elsewhere, once, so that it is in memory here alone. */
export function useCredential(
  faces: readonly Face[],
  face: Face,
  take: () => string | null = () => null,
): CredentialForm {
  const firstSecret = face.fields.find(({ secret }) => secret)?.name ?? face.fields[0]?.name;
  const [values, setValues] = useState<Record<string, string>>(() => {
    const carried = take();
    return carried === null || firstSecret === undefined || face.document ? {} : { [firstSecret]: carried };
  });
  const revision = useRef(0);
  const [document, setDocument] = useState<Record<string, unknown> | null>(null);
  const [isHeld, setHeld] = useState(false);
  const [errors, setErrors] = useState<Record<string, ComponentChildren>>({});
  const [told, setTold] = useState<Other | null>(null);
  const seen = useMemo(() => {
    for (const { name, secret } of face.fields) {
      const text = repaired(values[name] ?? "");
      const found = secret && text.length > 8 ? recognise(faces, face, text) : null;
      if (found !== null) return { field: name, face: found };
    }
    return null;
  }, [faces, face, values]);
  const other = seen ?? told;
  const complaintOf = (name: string): string | null => {
    const field = face.fields.find((one) => one.name === name);
    return field === undefined || other?.field === name
      ? null
      : fieldComplaint(field, face.display_name, values[name] ?? "");
  };
  const put = (name: string, complaint: ComponentChildren) =>
    setErrors(({ [name]: _, ...rest }) => (complaint === null ? rest : { ...rest, [name]: complaint }));
  return {
    values,
    document,
    isHeld,
    errors,
    other,
    setErrors,
    setOther: setTold,
    revision: () => revision.current,
    set: (name, text) => {
      revision.current += 1;
      setValues((before) => ({ ...before, [name]: text }));
      setTold(null);
      put(name, null);
    },
    setDocument: (found, complaint) => {
      revision.current += 1;
      setDocument(found);
      setHeld(false);
      put(DOCUMENT, complaint);
    },
    look: (name) => {
      if ((values[name] ?? "") !== "") put(name, complaintOf(name));
    },
    hold: () => setHeld(true),
    release: (name) => {
      revision.current += 1;
      setHeld(false);
      setTold(null);
      setValues((before) => ({ ...before, [name]: "" }));
      put(name, null);
    },
    check: () => {
      if (face.document) {
        if (document === null) put(DOCUMENT, errors[DOCUMENT] ?? "The key file is needed.");
        return document !== null;
      }
      const found = Object.fromEntries(
        face.fields.flatMap(({ name }) => {
          const complaint = complaintOf(name);
          return complaint === null ? [] : [[name, complaint]];
        }),
      );
      setErrors(found);
      return Object.keys(found).length === 0 && other === null;
    },
    payload: () =>
      document ??
      Object.fromEntries(
        face.fields.flatMap(({ name }) => {
          const text = values[name] ?? "";
          return text.trim() === "" ? [] : [[name, text]];
        }),
      ),
    clear: () => {
      setValues({});
      setDocument(null);
      setHeld(false);
      setErrors({});
    },
  };
}
