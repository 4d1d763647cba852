import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../parts/button.tsx";
import { Icon } from "../parts/icon.tsx";
import type { Face } from "../registry.ts";
import type { Tied } from "./field.tsx";

/** Longer than any key file, shorter than what the service takes. */
const MOST_BYTES = 64 * 1024;
const TOO_LARGE = "This is too large to be a key file.";

interface Given {
  tied: Tied;
  face: Face;
  document: Record<string, unknown> | null;
  onDocument: (document: Record<string, unknown> | null, complaint: string | null) => void;
}

/** A JSON key file, by paste, by drop or by choice. It never stands in the page: only what is not secret in it is shown. */
export function Document({ tied, face, document, onDocument }: Given) {
  const picker = useRef<HTMLInputElement>(null);
  const root = useRef<HTMLDivElement>(null);
  const [isOver, setOver] = useState(false);
  const isTaken = document !== null;
  const wasTaken = useRef(isTaken);
  useEffect(() => {
    if (wasTaken.current === isTaken) return;
    wasTaken.current = isTaken;
    // What had the focus has gone with the change.
    const { activeElement, body } = globalThis.document;
    if (activeElement === null || activeElement === body)
      root.current?.querySelector<HTMLElement>(isTaken ? "button" : "textarea")?.focus();
  }, [isTaken]);
  const take = (text: string) => {
    if (text.length > MOST_BYTES) return onDocument(null, TOO_LARGE);
    const read = readDocument(face, text);
    if (typeof read === "string") onDocument(null, read);
    else onDocument(read, null);
  };
  const takeFile = async (file: File | undefined) => {
    if (file === undefined) return;
    if (file.size > MOST_BYTES) return onDocument(null, TOO_LARGE);
    const text = await file.text().catch(() => null);
    if (text === null)
      onDocument(null, "The browser could not read this file. See that it is there, and choose it again.");
    else take(text);
  };
  const box =
    document !== null ? (
      <div class="document">
        <Icon name="file" />
        <dl>
          {face.fields
            .filter(({ secret, name }) => !secret && ["project_id", "client_email"].includes(name) && name in document)
            .map(({ name, label }) => (
              <div key={name}>
                <dt>{label}</dt>
                <dd>{String(document[name])}</dd>
              </div>
            ))}
          <div>
            <dt>Private key</dt>
            <dd>there, not shown</dd>
          </div>
        </dl>
        <Button
          id={tied.id}
          small
          look="quiet"
          aria-label="Take another key file"
          onClick={() => onDocument(null, null)}
        >
          Take another
        </Button>
      </div>
    ) : (
      <fieldset
        aria-label="Key file: drop, choose or paste"
        class={`drop${isOver ? " over" : ""}`}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          const { dataTransfer } = event;
          if (dataTransfer?.files[0]) void takeFile(dataTransfer.files[0]);
          else take(dataTransfer?.getData("text") ?? "");
        }}
      >
        <Icon name="file" size={24} />
        <p>
          Drop the JSON key file here, or{" "}
          <button type="button" class="text-button" onClick={() => picker.current?.click()}>
            choose it
          </button>
        </p>
        <textarea
          {...tied}
          rows={2}
          class="mono"
          placeholder="or paste its text"
          value=""
          autoComplete="off"
          spellcheck={false}
          onPaste={(event) => {
            event.preventDefault();
            take(event.clipboardData?.getData("text") ?? "");
          }}
          onInput={(event) => {
            const { value } = event.currentTarget;
            event.currentTarget.value = "";
            take(value);
          }}
        />
        <input
          ref={picker}
          type="file"
          hidden
          accept=".json,application/json"
          aria-label="JSON key file"
          onChange={(event) => {
            void takeFile(event.currentTarget.files?.[0]);
            event.currentTarget.value = "";
          }}
        />
      </fieldset>
    );
  return (
    <div ref={root}>
      <p class="hidden" role="status">
        {isTaken ? "The key file is taken. Nothing has been sent yet." : ""}
      </p>
      {box}
    </div>
  );
}

/** The document of a key file, or what is wrong with the text. */
function readDocument(face: Face, text: string): Record<string, unknown> | string {
  const bare = text.trim();
  const found = parse(bare) ?? parse(decoded(bare));
  if (found === null) return `This is not a JSON key file of ${face.display_name}. Paste the whole file, from { to }.`;
  const missing = face.fields.filter(({ name, optional }) => !optional && typeof found[name] !== "string");
  if (missing.length > 0)
    return `This file lacks ${missing.map(({ name }) => name).join(", ")}. Take the file that ${face.display_name} made for a service account key.`;
  return found;
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}

function decoded(text: string): string {
  try {
    return atob(text);
  } catch {
    return "";
  }
}
