interface Call {
  tokens: unknown;
  parenIdx: number;
  endIdx: number;
  out: string[];
  tr(from: number, to: number): string;
}

/**
 * bigquery-local 0.7.1 refuses the named argument of `PARSE_JSON(text, wide_number_mode => 'round')`. DuckDB's JSON keeps
 * numbers as they are written, so leaving the argument out is all that is needed.
 *
 * @throws Error where the emulator no longer looks as it did when this was written
 */
export async function takeWideNumberMode(): Promise<void> {
  const from = async (path: string): Promise<Record<string, unknown>> =>
    await import(new URL(path, import.meta.resolve("bigquery-local")).href);
  const { CALL_HANDLERS: handlers } = await from("./sql/rewrite/index.js");
  const { findMatchingClose: closing, findTopLevelComma: comma } = await from("./sql/rewrite/helpers.js");
  if (!(handlers instanceof Map) || typeof closing !== "function" || typeof comma !== "function")
    throw new Error("bigquery-local has changed: see bigquery-wide-numbers.ts");
  handlers.set("PARSE_JSON", ({ tokens, parenIdx, endIdx, out, tr }: Call) => {
    const close: number = closing(tokens, parenIdx, endIdx);
    const end: number = comma(tokens, parenIdx + 1, close) ?? close;
    out.push(`CAST(${tr(parenIdx + 1, end).trim()} AS JSON)`);
    return close + 1;
  });
}
