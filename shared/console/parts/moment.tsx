import { useEffect, useState } from "preact/hooks";
import { exact, relative } from "../time.ts";

/** A moment as seen from now, in full on hover. */
export function Moment({ at, none = "never" }: { at: string | null | undefined; none?: string }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 30_000);
    return () => clearInterval(timer);
  }, []);
  if (!at) return <span>{none}</span>;
  return (
    <time dateTime={at} title={exact(at)}>
      {relative(at, Math.max(now, Date.now()))}
    </time>
  );
}
