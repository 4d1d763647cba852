import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Failure } from "../../client/results.ts";
import { sentence } from "../words.ts";
import { Button } from "./button.tsx";
import { Copy } from "./copy.tsx";
import { Notice } from "./notice.tsx";

interface Given {
  failure: Failure;
  again?: (() => void) | undefined;
  againLabel?: string;
  actions?: ComponentChildren;
}

/** Why something did not succeed, what to do, and what to name to the operators. */
export function Problem({ failure, again, againLabel = "Try again", actions }: Given) {
  const wait = useWait(failure);
  return (
    <Notice
      loud
      tone={failure.retryable ? "warn" : "bad"}
      title={titleOf(failure)}
      actions={
        again || actions ? (
          <>
            {again ? (
              <Button small icon="refresh" off={wait} onClick={again}>
                {wait ?? againLabel}
              </Button>
            ) : null}
            {actions}
          </>
        ) : null
      }
    >
      <p>{remedyOf(failure)}</p>
      {failure.requestId ? (
        <p class="request-id">
          Request <code>{failure.requestId}</code>
          <Copy text={failure.requestId} what="request id" short />
        </p>
      ) : null}
    </Notice>
  );
}

/** What happened, in a sentence. */
export function titleOf(failure: Failure): string {
  if (failure.status === 0) return navigator.onLine ? sentence(failure.error) : "You are offline.";
  if (failure.code === "too_many_requests") return "Too many requests in a minute.";
  if (isOvertaken(failure)) return "Somebody else has changed this meanwhile.";
  if (failure.code === "in_flight") return "The same change is still under way.";
  if (failure.code === "payload_too_large") return "This is too large.";
  return sentence(failure.error);
}

/** What to do about it. */
export function remedyOf(failure: Failure): string {
  if (failure.status === 0)
    return navigator.onLine
      ? "Nothing is known to have been stored. See that the service runs and can be reached, then try again."
      : "Connect to the network, then try again.";
  // What the service says of these is for programs.
  if (isOvertaken(failure)) return "Nothing of yours was stored. Load the newest version, look at it, and save again.";
  switch (failure.code) {
    case "too_many_requests":
      return "Nothing was changed. The button is free again when the time is over.";
    case "already_exists":
      return "It was there before you saved, and nothing of yours was stored. Open it, and change it there if you mean to.";
    case "in_flight":
      return "Wait a few seconds, then try again: nothing is done twice.";
    case "payload_too_large":
      return "Nothing was stored. See that a key alone was pasted, and that the texts are short.";
  }
  if (failure.remedy) return sentence(failure.remedy);
  switch (failure.code) {
    case "org_key_invalid":
      return "The organisation key is not accepted any more. Lock the console and sign in with a valid one.";
    case "scope_insufficient":
      return "This organisation key may read only. Sign in with one that has the scope manage.";
    case "internal":
    case "integrity":
      return "Tell the operators of this service, and name them the request.";
    default:
      return failure.errors?.length
        ? failure.errors.map(({ message }) => sentence(message)).join(" ")
        : "Try again in a moment.";
  }
}

/** Whether a newer version was stored than the one that the change was made on. */
export function isOvertaken({ code, reason }: Failure): boolean {
  return code === "precondition_failed" || (code === "conflict" && reason !== "too_many");
}

/** What a button says while another try makes no sense; `null` where it does. */
export function useWait(failure: Failure | null): string | null {
  const seconds = failure?.code === "too_many_requests" ? (failure.retryAfterS ?? 0) : 0;
  const [left, setLeft] = useState(seconds);
  useEffect(() => {
    if (seconds === 0) return setLeft(0);
    const endsAt = Date.now() + seconds * 1_000;
    const tick = () => setLeft(Math.max(0, Math.ceil((endsAt - Date.now()) / 1_000)));
    tick();
    const timer = setInterval(tick, 500);
    return () => clearInterval(timer);
  }, [failure, seconds]);
  return left > 0 ? `Wait ${left} s` : null;
}
