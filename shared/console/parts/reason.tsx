import type { Failure } from "../../client/results.ts";
import { sentence } from "../words.ts";
import { Copy } from "./copy.tsx";
import { remedyOf } from "./problem.tsx";

/** What is wrong with a field, what to do, and what to name to the operators. */
export function Reason({ text, failure }: { text: string; failure: Failure }) {
  return (
    <>
      <span class="reason">{sentence(text)}</span>
      {failure.remedy ? <span class="reason-remedy"> {remedyOf(failure)}</span> : null}
      {failure.requestId ? (
        <span class="request-id">
          Request <code>{failure.requestId}</code>
          <Copy text={failure.requestId} what="request id" short />
        </span>
      ) : null}
    </>
  );
}
