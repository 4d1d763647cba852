import { useRef, useState } from "preact/hooks";
import type { Failure } from "../../client/results.ts";
import { useDesk } from "../context.ts";
import { CredentialFields } from "../fields/credential-fields.tsx";
import { useCredential } from "../fields/use-credential.ts";
import { Button } from "../parts/button.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Problem } from "../parts/problem.tsx";
import { type Face, vendorOf } from "../registry.ts";
import type { Detail } from "../store.ts";
import { newKey, otherOf, place } from "./submitting.tsx";

interface Given {
  face: Face;
  code: string;
  detail: Detail;
  onClose: () => void;
}

/** Replaces the credential: the new one is proven first, and the old one works until then. */
export function Rotate({ face, code, detail, onClose }: Given) {
  const { store, toast } = useDesk();
  const form = useCredential(store.providers, face, null);
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const key = useRef({ for: "", key: "" });
  const running = useRef(false);
  const submit = async () => {
    if (running.current || !form.check()) return;
    const credential = form.payload();
    const content = JSON.stringify(credential);
    if (key.current.for !== content) key.current = { for: content, key: newKey() };
    running.current = true;
    setBusy(true);
    setFailure(null);
    form.hold();
    const answer = await store.client.rotateIntegration({
      orgSlug: store.org,
      provider: code.toLowerCase(),
      credential,
      idempotencyKey: key.current.key,
      ...(detail.etag ? { ifMatch: detail.etag } : {}),
    });
    running.current = false;
    setBusy(false);
    if (answer.success) {
      form.clear();
      toast(`${detail.info.display_name}: the credential is replaced.`);
      await store.refresh(code);
      return onClose();
    }
    const placed = place(face, answer);
    form.setErrors(placed.credential);
    form.setOther(otherOf(store.providers, answer));
    setFailure(placed.isWhole ? null : answer);
  };
  return (
    <Dialog title={`Rotate ${detail.info.display_name}`} onClose={onClose} wide>
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
          <Problem
            failure={failure}
            actions={<Reload failure={failure} code={code} onDone={() => setFailure(null)} />}
          />
        ) : null}
        <div class="actions form-actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button look="main" type="submit" busy={isBusy}>
            {isBusy ? `Asking ${vendorOf(face)}…` : "Replace"}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Offered where somebody else was first: what was entered here stays. */
export function Reload({ failure, code, onDone }: { failure: Failure; code: string; onDone: () => void }) {
  const { store } = useDesk();
  if (failure.code !== "precondition_failed" && failure.code !== "conflict") return null;
  return (
    <Button small icon="refresh" onClick={() => void store.refresh(code).then(onDone)}>
      Load the newest version
    </Button>
  );
}
