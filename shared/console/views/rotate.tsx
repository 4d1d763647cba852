import { useRef, useState } from "preact/hooks";
import type { Failure } from "../../client/results.ts";
import { useDesk } from "../context.ts";
import { CredentialFields } from "../fields/credential-fields.tsx";
import { useCredential } from "../fields/use-credential.ts";
import { Button } from "../parts/button.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { isOvertaken, Problem, titleOf, useWait } from "../parts/problem.tsx";
import { type Face, vendorOf } from "../registry.ts";
import type { Detail } from "../store.ts";
import { otherOf, place, useAlive, useIntent } from "./submitting.tsx";

/** Why a dialog stays open. */
export const UNDER_WAY = "It is on its way";

interface Given {
  face: Face;
  code: string;
  detail: Detail;
  onClose: () => void;
}

/** Replaces the credential: the new one is proven first, and the old one works until then. */
export function Rotate({ face, code, detail, onClose }: Given) {
  const { store, toast } = useDesk();
  const form = useCredential(store.providers, face);
  const [base, setBase] = useState(detail);
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const intent = useIntent();
  const alive = useAlive();
  const wait = useWait(failure);
  const running = useRef(false);
  const submit = async () => {
    if (running.current || wait !== null || !form.check()) return;
    running.current = true;
    setBusy(true);
    setFailure(null);
    form.hold();
    const answer = await store.client.rotateIntegration({
      orgSlug: store.org,
      provider: code.toLowerCase(),
      credential: form.payload(),
      idempotencyKey: intent([base.etag, form.revision()]),
      ...(base.etag ? { ifMatch: base.etag } : {}),
    });
    running.current = false;
    setBusy(false);
    if (answer.success) {
      form.clear();
      toast(`${detail.info.display_name}: the credential is replaced.`);
      await store.refresh(code);
      return alive.current ? onClose() : undefined;
    }
    if (!alive.current) return toast(`${detail.info.display_name}: ${titleOf(answer)}`, "bad");
    const placed = place(face, answer);
    form.setErrors(placed.credential);
    form.setOther(otherOf(store.providers, answer));
    setFailure(placed.isWhole ? null : answer);
  };
  const rebase = (newest: Detail | undefined) => {
    if (newest === undefined) return onClose();
    setBase(newest);
    setFailure(null);
  };
  return (
    <Dialog title={`Rotate ${detail.info.display_name}`} onClose={onClose} wide busy={isBusy}>
      <p class="lead">
        The new credential is tried at {vendorOf(face)} before it replaces the old one, which works until then.
      </p>
      <form
        noValidate
        autoComplete="off"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <CredentialFields faces={store.providers} face={face} form={form} />
        {failure ? (
          <Problem failure={failure} actions={<Reload failure={failure} code={code} onDone={rebase} />} />
        ) : null}
        <div class="actions form-actions">
          <Button off={isBusy ? UNDER_WAY : null} onClick={onClose}>
            Cancel
          </Button>
          <Button look="main" type="submit" busy={isBusy} off={wait}>
            {isBusy ? `Asking ${vendorOf(face)}…` : "Replace"}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Offered where somebody else was first: what was entered here stays. */
export function Reload({
  failure,
  code,
  onDone,
}: {
  failure: Failure;
  code: string;
  onDone: (newest: Detail | undefined) => void;
}) {
  const { store } = useDesk();
  if (!isOvertaken(failure)) return null;
  return (
    <Button small icon="refresh" onClick={() => void store.refresh(code).then(() => onDone(store.details.get(code)))}>
      Load the newest version
    </Button>
  );
}
