import { useState } from "preact/hooks";
import type { Checked, Failure } from "../../client/results.ts";
import { useDesk } from "../context.ts";
import { Button } from "../parts/button.tsx";
import { Notice } from "../parts/notice.tsx";
import { Problem, useWait } from "../parts/problem.tsx";
import type { Face } from "../registry.ts";
import type { Detail } from "../store.ts";
import { sentence } from "../words.ts";
import { Edit } from "./edit.tsx";
import { Remove } from "./remove.tsx";
import { Rotate } from "./rotate.tsx";
import { useIntent } from "./submitting.tsx";

interface Given {
  face: Face;
  code: string;
  detail: Detail;
}

type Verdict = ({ success: true } & Checked) | (Failure & Partial<Checked>);

/** What can be done with an integration. */
export function Acts({ face, code, detail }: Given) {
  const { store, toast } = useDesk();
  const [open, setOpen] = useState<"rotate" | "edit" | "remove" | null>(null);
  const [isBusy, setBusy] = useState<"validate" | "switch" | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [verdict, setVerdict] = useState<Verdict | null>(null);
  const { info, etag } = detail;
  const provider = code.toLowerCase();
  const isRecord = face.credential_type === "none";
  const intent = useIntent();
  const wait = useWait(failure);
  const off = store.canManage ? wait : "This organisation key may read only";
  const validate = async () => {
    setBusy("validate");
    setFailure(null);
    setVerdict(null);
    const answer = await store.client.validateIntegration(store.org, provider);
    await store.refresh(code);
    setBusy(null);
    if (answer.success || answer.outcome !== undefined) setVerdict(answer);
    else setFailure(answer);
  };
  const toggle = async () => {
    setBusy("switch");
    setFailure(null);
    const wanted = !info.enabled;
    const answer = await store.client.updateIntegration({
      orgSlug: store.org,
      provider,
      enabled: wanted,
      idempotencyKey: intent([etag, wanted]),
      ...(etag ? { ifMatch: etag } : {}),
    });
    await store.refresh(code);
    setBusy(null);
    // Where only the answer was lost, what is stored tells that it was done.
    const isLost = !answer.success && answer.status === 0 && store.details.get(code)?.info.enabled === wanted;
    if (!answer.success && !isLost) return setFailure(answer);
    toast(info.enabled ? `${info.display_name} is disabled.` : `${info.display_name} is enabled.`);
  };
  const close = () => setOpen(null);
  return (
    <>
      <div class="actions">
        <Button look="main" icon="refresh" busy={isBusy === "validate"} off={off} onClick={() => void validate()}>
          {isBusy === "validate" ? "Asking…" : isRecord ? "Check the record" : "Validate now"}
        </Button>
        {isRecord ? null : (
          <Button icon="swap" off={off} onClick={() => setOpen("rotate")}>
            Rotate
          </Button>
        )}
        <Button icon="edit" off={off} onClick={() => setOpen("edit")}>
          Edit
        </Button>
        <Button
          icon={info.enabled ? "pause" : "check"}
          busy={isBusy === "switch"}
          off={off}
          onClick={() => void toggle()}
        >
          {info.enabled ? "Disable" : "Enable"}
        </Button>
        <Button look="danger" icon="bin" off={off} onClick={() => setOpen("remove")}>
          Delete
        </Button>
      </div>
      <div aria-live="polite">
        {verdict ? (
          <Notice
            loud
            tone={verdict.success ? "good" : isInconclusive(verdict) ? "warn" : "bad"}
            title={verdict.success ? (isRecord ? "The record is complete." : "It works.") : sentence(verdict.error)}
          >
            {verdict.success ? null : (
              <p>
                {verdict.remedy ? sentence(verdict.remedy) : null}
                {isInconclusive(verdict) ? " Nothing is known against it: its status stays as it was." : null}
              </p>
            )}
          </Notice>
        ) : null}
      </div>
      {failure ? <Problem failure={failure} again={() => setFailure(null)} againLabel="Close" /> : null}
      {open === "rotate" ? <Rotate face={face} code={code} detail={detail} onClose={close} /> : null}
      {open === "edit" ? <Edit face={face} code={code} detail={detail} onClose={close} /> : null}
      {open === "remove" ? <Remove code={code} detail={detail} onClose={close} /> : null}
    </>
  );
}

function isInconclusive({ outcome }: Partial<Checked>): boolean {
  return outcome === "unreachable" || outcome === "rate_limited" || outcome === "service_misconfigured";
}
