/** One thing that was looked at. */
export interface Check {
  name: string;
  /** `fail`: something does not work; `warn`: it may not; `skip`: it could not be looked at. */
  state: "ok" | "warn" | "fail" | "skip";
  /** What was seen; never a value. */
  message: string;
  remedy?: string;
}

export function ok(name: string, message: string): Check {
  return { name, state: "ok", message };
}

export function warn(name: string, message: string, remedy: string): Check {
  return { name, state: "warn", message, remedy };
}

export function fail(name: string, message: string, remedy: string): Check {
  return { name, state: "fail", message, remedy };
}

export function skip(name: string, message: string): Check {
  return { name, state: "skip", message };
}
