import { useEffect, useState } from "preact/hooks";
import type { Instructions } from "../../client/answers.ts";
import type { Failure } from "../../client/results.ts";
import { useDesk } from "../context.ts";
import { Copy } from "../parts/copy.tsx";
import { Icon } from "../parts/icon.tsx";
import { Notice } from "../parts/notice.tsx";
import { Problem } from "../parts/problem.tsx";
import { Skeleton } from "../parts/skeleton.tsx";
import type { Face } from "../registry.ts";

/** What to create at the provider, step by step, with what to paste there. */
export function Guide({ face, isFolded = false }: { face: Face; isFolded?: boolean }) {
  const { store } = useDesk();
  const [read, setRead] = useState<Instructions | Failure | null>(null);
  const [round, setRound] = useState(0);
  const segment = face.path.startsWith("custom-") ? "custom-new" : face.code.toLowerCase();
  useEffect(() => {
    let isCurrent = true;
    setRead(null);
    void store.client.getInstructions(store.org, segment).then((answer) => {
      if (isCurrent) setRead(answer.success ? answer.instructions : answer);
    });
    return () => {
      isCurrent = false;
    };
  }, [store, segment, round]);
  const title = face.credential_type === "none" ? "What you need" : "Get the credential";
  return (
    <details class="card guide" open={!isFolded}>
      <summary>
        <h2>{title}</h2>
      </summary>
      {read === null ? (
        <Skeleton lines={5} />
      ) : "success" in read ? (
        <Problem failure={read} again={() => setRound(round + 1)} />
      ) : (
        <Steps instructions={read} />
      )}
      {face.cannot_know.length > 0 ? (
        <details class="more">
          <summary>What cannot be known</summary>
          <ul class="lines">
            {face.cannot_know.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        </details>
      ) : null}
    </details>
  );
}

function Steps({ instructions: { steps, notes, snippets, docs_url: docs } }: { instructions: Instructions }) {
  return (
    <>
      <ol class="steps">
        {steps.map((step) => (
          <li key={step}>{step}</li>
        ))}
      </ol>
      {notes.map((note) => (
        <Notice key={note} tone="warn" title={note} />
      ))}
      {snippets.map(({ id, title, language, text }) => (
        <details class="snippet" key={id}>
          <summary>
            {title} <span class="count">{language}</span>
          </summary>
          <div class="snippet-body">
            <Copy text={text} what={title} />
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
            <section tabIndex={0} aria-label={title} class="code">
              <pre>{text}</pre>
            </section>
          </div>
        </details>
      ))}
      {docs ? (
        <p>
          <a class="docs" href={docs} target="_blank" rel="noreferrer noopener">
            The provider’s documentation <Icon name="out" size={14} />
            <span class="hidden">, in a new tab</span>
          </a>
        </p>
      ) : null}
    </>
  );
}
