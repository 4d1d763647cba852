/** The members of an element by name, or its text. */
type Value = string | { [name: string]: Value } | Value[];

interface Open {
  name: string;
  text: string;
  members: Map<string, Value>;
}

/** A tag with its attributes, which are not looked at, or the text up to the next tag. */
const TOKEN = /<(\/?)([A-Za-z_][\w.-]*)(?:\s[^<>]*?)?(\/?)>|([^<]+)/y;
const PROLOG = /^\ufeff?\s*(?:<\?xml\s[^<>]*\?>)?\s*/;
const DEEPEST = 32;
const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

/**
 * An XML document of AWS's query protocol as nested members: `{ErrorResponse: {Error: {Code: "AccessDenied"}}}`. Lists
 * (`member`) are arrays even with one element. `null` for everything that is no such document: HTML, a document type,
 * comments, an element left open.
 */
export function readXml(document: string): { [name: string]: Value } | null {
  const root: Open = { name: "", text: "", members: new Map() };
  const stack: Open[] = [root];
  TOKEN.lastIndex = PROLOG.exec(document)?.[0].length ?? 0;
  while (TOKEN.lastIndex < document.length) {
    const token = TOKEN.exec(document);
    const current = stack.at(-1);
    if (token === null || current === undefined) return null;
    const [, closing, name, empty, text] = token;
    if (text !== undefined) {
      if (current === root && text.trim() !== "") return null;
      current.text += text;
    } else if (name === undefined || stack.length > DEEPEST) return null;
    else if (closing === "/") {
      const parent = stack.at(-2);
      if (current.name !== name || parent === undefined) return null;
      add(parent, name, contentOf(current));
      stack.pop();
    } else if (empty === "/") add(current, name, "");
    else stack.push({ name, text: "", members: new Map() });
  }
  return stack.length === 1 && root.members.size === 1 ? Object.fromEntries(root.members) : null;
}

function add({ members }: Open, name: string, value: Value): void {
  const before = members.get(name);
  if (Array.isArray(before)) before.push(value);
  else if (before !== undefined) members.set(name, [before, value]);
  else members.set(name, name === "member" ? [value] : value);
}

function contentOf({ text, members }: Open): Value {
  if (members.size > 0) return Object.fromEntries(members);
  return text.trim().replace(/&(lt|gt|quot|apos|amp);/g, (whole, name: string) => ENTITIES[name] ?? whole);
}
