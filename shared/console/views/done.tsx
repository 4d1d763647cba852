import { useEffect, useRef } from "preact/hooks";
import type { Stored } from "../../client/results.ts";
import { Icon } from "../parts/icon.tsx";
import { Link } from "../parts/link.tsx";
import type { Face } from "../registry.ts";
import { Findings } from "./findings.tsx";

/** What became of it: stored, and what can be done with it now. */
export function Done({ stored, face, name }: { stored: Stored; face: Face; name: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const isRecord = face.credential_type === "none";
  const isReady = stored.pipelines.some(({ ready }) => ready === true);
  const isPending = stored.validationStatus === "PENDING";
  return (
    <section class="card done" aria-labelledby="done">
      <span class={`done-mark ${isPending || !isReady ? "warn" : "good"}`}>
        <Icon name={isPending || !isReady ? "alert" : "check"} size={28} />
      </span>
      <h2 id="done" ref={heading} tabIndex={-1}>
        {isPending ? `${name} is stored` : isRecord ? `${name} is recorded` : `${name} is connected`}
      </h2>
      <p class="lead">
        {isPending
          ? "It has not been proven yet. It is tried again by itself, and you can validate it at any time."
          : isReady
            ? "Cost pipelines can run on it from now on."
            : isRecord
              ? "It is recorded, and its cost cannot be counted yet."
              : "The key works, and no cost pipeline can run on it yet. This is what is missing:"}
      </p>
      <Findings
        face={face}
        capabilities={stored.capabilities}
        pipelines={stored.pipelines}
        warnings={stored.warnings}
      />
      <div class="actions">
        <Link
          class="button main"
          to={{ view: "provider", segment: stored.provider.toLowerCase() }}
          section={face.category}
        >
          Open {name}
        </Link>
        <Link class="button" to={{ view: "overview", section: null }}>
          All integrations
        </Link>
      </div>
    </section>
  );
}
