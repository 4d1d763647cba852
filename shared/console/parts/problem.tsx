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
  const left = useCountdown(failure);
  const wait = left > 0 ? `Wait ${left} s` : null;
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
  if (failure.code === "precondition_failed" || failure.code === "conflict")
    return failure.reason === "too_many" ? sentence(failure.error) : "Somebody else has changed this meanwhile.";
  return sentence(failure.error);
}

/** What to do about it. */
export function remedyOf(failure: Failure): string {
  if (failure.status === 0)
    return navigator.onLine
      ? "Nothing is known to have been stored. See that the service runs and can be reached, then try again."
      : "Connect to the network, then try again.";
  if (failure.remedy) return sentence(failure.remedy);
  switch (failure.code) {
    case "too_many_requests":
      return "Nothing was changed. The button is free again when the time is over.";
    case "precondition_failed":
    case "conflict":
      return "Nothing of yours was stored. Load the newest version, look at it, and make your change again.";
    case "already_exists":
      return "Somebody has connected it meanwhile. Open it, and replace its credential there if you mean to.";
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

/** Seconds until another try makes sense. */
function useCountdown(failure: Failure): number {
  const [left, setLeft] = useState(failure.retryAfterS ?? 0);
  useEffect(() => {
    const endsAt = Date.now() + (failure.retryAfterS ?? 0) * 1_000;
    const tick = () => setLeft(Math.max(0, Math.ceil((endsAt - Date.now()) / 1_000)));
    tick();
    const timer = setInterval(tick, 500);
    return () => clearInterval(timer);
  }, [failure]);
  return failure.code === "too_many_requests" ? left : 0;
}
