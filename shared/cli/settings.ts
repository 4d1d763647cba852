/**
 * A setting as it is sent: a whole number or true and false where the provider's form says so, a list where a text is
 * one in JSON, else what it was.
 *
 * @returns `wrong` in words that repeat no value
 */
export function typedSetting(value: unknown, kind: string | undefined): { value: unknown } | { wrong: string } {
  if (typeof value !== "string") return { value };
  const text = value.trim();
  if (kind === "integer" && /^-?\d{1,15}$/.test(text)) return { value: Number(text) };
  if (kind === "boolean" && /^(?:true|false)$/i.test(text)) return { value: text.toLowerCase() === "true" };
  if (!text.startsWith("[")) return { value: text };
  try {
    return { value: JSON.parse(text) };
  } catch {
    return { wrong: "begins like a list and is no JSON" };
  }
}
