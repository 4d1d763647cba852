/** Marks that are invisible in a form and never part of a credential. */
const INVISIBLE = /[\s\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/;
const QUOTES: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  "`": "`",
  "“": "”",
  "„": "“",
  "‘": "’",
  "‚": "‘",
  "«": "»",
};

/**
 * Pasted text without what surrounds it by accident: whitespace and invisible marks, one pair of quotes, and the
 * `Bearer ` of a copied header, which can be no part of a key because keys hold no space. The inside is left as it is.
 */
export function repairPasted(text: string): string {
  const unquoted = trimmed(withoutQuotes(trimmed(text)));
  const bare = /^(?:authorization: *)?bearer +/i.exec(unquoted);
  return bare === null ? unquoted : trimmed(withoutQuotes(trimmed(unquoted.slice(bare[0].length))));
}

function trimmed(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && INVISIBLE.test(text.charAt(from))) from++;
  while (to > from && INVISIBLE.test(text.charAt(to - 1))) to--;
  return text.slice(from, to);
}

function withoutQuotes(text: string): string {
  const closing = QUOTES[text.charAt(0)];
  return closing !== undefined && text.length > 1 && text.endsWith(closing) ? text.slice(1, -1) : text;
}
