import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Failure } from "../../client/results.ts";
import { DOCUMENT, type Other } from "../fields/use-credential.ts";
import { Reason } from "../parts/reason.tsx";
import type { Face } from "../registry.ts";
import { sentence } from "../words.ts";

/**
 * One intent, one key: the same content gets the same key, by which the service knows a second click, or another try
 * after a lost answer, and stores nothing twice. The content is kept, so it must hold no secret.
 */
export function useIntent(): (content: unknown) => string {
  const last = useRef({ content: "", key: "" });
  return (content) => {
    const text = JSON.stringify(content);
    if (last.current.content !== text) last.current = { content: text, key: newKey() };
    return last.current.key;
  };
}

/** Whether what asked is still in the page when the answer comes. */
export function useAlive(): { readonly current: boolean } {
  const alive = useRef(true);
  useEffect(() => {
    alive.current = true;
    return () => {
      alive.current = false;
    };
  }, []);
  return alive;
}

function newKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** What a subscription's name comes to in an address; empty where nothing is left of it. */
export function slugOf(name: string): string {
  return name
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 40)
    .replace(/^-+|-+$/g, "");
}

/** What the service says is wrong, by the control that it belongs to. */
export interface Placed {
  credential: Record<string, ComponentChildren>;
  settings: Record<string, ComponentChildren>;
  /** Whether all of it stands at its control, so that nothing needs to be said beside. */
  isWhole: boolean;
}

const aboutCredential = ["credential_rejected", "credential_format", "permission_missing", "trust_policy_too_wide"];

/** Whose key the service says it is, where it is another provider's. */
export function otherOf(faces: readonly Face[], failure: Failure): Other | null {
  if (failure.reason !== "other_provider") return null;
  for (const { field, message } of failure.errors ?? []) {
    const face = faces.find(({ display_name: name }) => message.endsWith(` ${name}`));
    const name = field.split("/")[2];
    if (face !== undefined && name !== undefined) return { field: name, face };
  }
  return null;
}

/** Puts the reasons of a refusal to their controls; one about the credential as a whole goes to what is secret in it. */
export function place(face: Face, failure: Failure): Placed {
  const placed: Placed = { credential: {}, settings: {}, isWhole: false };
  const first = face.document ? DOCUMENT : (face.fields.find(({ secret }) => secret) ?? face.fields[0])?.name;
  const fieldOf = (name: string) =>
    face.document ? DOCUMENT : face.fields.some((field) => field.name === name) ? name : first;
  let hasControls = true;
  let telling = failure.remedy === undefined ? null : failure;
  const reason = (text: string): ComponentChildren => {
    const said = telling === null ? sentence(text) : <Reason text={text} failure={telling} />;
    telling = null;
    return said;
  };
  for (const { field, message } of failure.errors ?? []) {
    const [, kind = "", name = "", ...rest] = field.split("/");
    const at = fieldOf(name);
    if (kind === "credential" || kind === "new_credentials") {
      if (at !== undefined) placed.credential[at] = reason(message);
    } else if (kind === "metadata" && face.metadata.some((setting) => setting.name === name))
      placed.settings[[name, ...rest].join("/")] = reason(message);
    else if (field === "/credential_name" || field === "/expires_at") placed.settings[field] = reason(message);
    else hasControls = false;
  }
  const isAnywhere = () => Object.keys(placed.credential).length + Object.keys(placed.settings).length > 0;
  if (aboutCredential.includes(failure.code) && first !== undefined && !isAnywhere())
    placed.credential[first] = reason(failure.error);
  placed.isWhole = isAnywhere() && hasControls && !failure.retryable;
  return placed;
}
