/** A pattern of the registry in words, such as "`sk-`, then 20 to 300 letters, digits, `_` or `-`"; `null` where it is too odd for words. */
export function shapeInWords(pattern: string): string | null {
  if (UUID.test(pattern)) return "a UUID: 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12";
  const inner = /^\^(.*?)\$?$/s.exec(pattern)?.[1];
  if (inner === undefined) return null;
  const { nodes, rest } = readAlternatives(inner);
  if (nodes === null || rest !== "") return null;
  const isOpen = !pattern.endsWith("$") || pattern.endsWith("\\$");
  const words = nodes.map((sequence) => wordsOf(sequence));
  if (words.some((one) => one === "")) return null;
  // One group that holds everything needs no brackets.
  const all = /^\((.*)\)$/.exec(words.join("; or "))?.[1] ?? words.join("; or ");
  return `${all}${isOpen ? OPEN : ""}`;
}

const UUID = /^\^(\[[0-9a-fA-F-]+\])\{8\}-\1\{4\}-\1\{4\}-\1\{4\}-\1\{12\}\$$/;

/** The same as a condition that follows "where": it is so, begins so, or holds what it must not. */
export function conditionInWords(pattern: string): string {
  const others = /^\[\^((?:[^\]\\]|\\.)+)\]$/.exec(pattern)?.[1];
  const allowed = others === undefined ? null : classInWords(others);
  if (allowed !== null) return `it holds anything but ${allowed}`;
  const words = shapeInWords(pattern);
  if (words === null) return `it fits the pattern \`${pattern}\``;
  return words.endsWith(OPEN) ? `it begins with ${words.slice(0, -OPEN.length)}` : `it is ${words}`;
}

const OPEN = ", and whatever follows";

interface Part {
  /** What one place holds: literal text, or the words for a class. */
  literal: string | null;
  words: string;
  least: number;
  most: number;
}
type Sequence = Part[];

function wordsOf(sequence: Sequence): string {
  return joined(sequence).map(partInWords).join(", then ");
}

/** Literal characters that stand beside each other, as one. */
function joined(sequence: Sequence): Sequence {
  const parts: Sequence = [];
  for (const part of sequence) {
    const before = parts.at(-1);
    if (before && isOnce(before) && isOnce(part) && before.literal !== null && part.literal !== null)
      parts[parts.length - 1] = { ...before, literal: before.literal + part.literal };
    else parts.push(part);
  }
  return parts;
}

function isOnce({ least, most }: Part): boolean {
  return least === 1 && most === 1;
}

function partInWords({ literal, words, least, most }: Part): string {
  const isWhole = literal !== null || words.startsWith("(");
  const named = literal === null ? words : `\`${literal}\``;
  if (isWhole && most === 1) return least === 0 ? `${named} or nothing` : named;
  if (most === Number.POSITIVE_INFINITY) return `${LEAST[least] ?? `at least ${least}`} ${named}`;
  if (least === 1 && most === 1) return `one ${words.replaceAll(/\b(letter|digit|character)s\b/g, "$1")}`;
  if (least === most) return `${least} ${named}`;
  return least === 0 ? `up to ${most} ${named}` : `${least} to ${most} ${named}`;
}
const LEAST = ["any number of", "one or more"] as const;

interface Read {
  nodes: Sequence[] | null;
  rest: string;
}

/** Alternatives up to the end or a closing bracket, which stays in `rest`. */
function readAlternatives(text: string): Read {
  const all: Sequence[] = [[]];
  let rest = text;
  while (rest !== "" && !rest.startsWith(")")) {
    if (rest.startsWith("|")) {
      all.push([]);
      rest = rest.slice(1);
      continue;
    }
    const read = readAtom(rest);
    if (read === null) return { nodes: null, rest };
    const quantified = readQuantifier(read.rest);
    all.at(-1)?.push({ ...read.part, least: quantified.least, most: quantified.most });
    rest = quantified.rest;
  }
  return { nodes: all, rest };
}

interface Atom {
  part: Pick<Part, "literal" | "words">;
  rest: string;
}

function readAtom(text: string): Atom | null {
  if (text.startsWith("(?:")) {
    const { nodes, rest } = readAlternatives(text.slice(3));
    if (nodes === null || !rest.startsWith(")")) return null;
    const words = nodes.map((sequence) => wordsOf(sequence) || "nothing");
    return {
      part: {
        literal: null,
        words: `(${words.join(words.some((one) => one.includes(", then ")) ? "; or " : " or ")})`,
      },
      rest: rest.slice(1),
    };
  }
  const set = /^\[((?:[^\]\\]|\\.)+)\]/.exec(text);
  if (set?.[1] !== undefined) {
    const words = classInWords(set[1]);
    return words === null ? null : { part: { literal: null, words }, rest: text.slice(set[0].length) };
  }
  if (text.startsWith("\\d")) return { part: { literal: null, words: "digits" }, rest: text.slice(2) };
  const escaped = /^\\([^A-Za-z0-9])/.exec(text);
  if (escaped?.[1] !== undefined) return { part: { literal: escaped[1], words: "" }, rest: text.slice(2) };
  const [plain = ""] = text;
  if (/[\\^$.*+?()[\]{}|]/.test(plain)) return null;
  return { part: { literal: plain, words: "" }, rest: text.slice(plain.length) };
}

function readQuantifier(text: string): { least: number; most: number; rest: string } {
  const counted = /^\{(\d+)(?:(,)(\d*))?\}/.exec(text);
  if (counted) {
    const least = Number(counted[1]);
    const most = counted[2] === undefined ? least : counted[3] ? Number(counted[3]) : Number.POSITIVE_INFINITY;
    return { least, most, rest: text.slice(counted[0].length) };
  }
  if (text.startsWith("?")) return { least: 0, most: 1, rest: text.slice(1) };
  if (text.startsWith("*")) return { least: 0, most: Number.POSITIVE_INFINITY, rest: text.slice(1) };
  if (text.startsWith("+")) return { least: 1, most: Number.POSITIVE_INFINITY, rest: text.slice(1) };
  return { least: 1, most: 1, rest: text };
}

/** What a class of characters allows: "letters, digits, `_` or `-`"; `null` where it says what it does not allow. */
function classInWords(inside: string): string | null {
  if (inside.startsWith("^")) return null;
  if (inside === "\\x21-\\x7e") return "printable characters without spaces";
  if (inside === "\\x20-\\x7e") return "printable characters";
  let left = inside.replaceAll("\\d", "0-9");
  const take = (range: string): boolean => {
    const has = left.includes(range);
    left = left.replace(range, "");
    return has;
  };
  const names: string[] = [];
  const [capitals, smalls] = [take("A-Z"), take("a-z")];
  if (capitals && smalls) names.push("letters");
  else if (capitals) names.push("capital letters");
  else if (smalls) names.push("small letters");
  const [capitalHex, smallHex] = [take("A-F"), take("a-f")];
  const digits = take("0-9");
  if ((capitalHex || smallHex) && digits) names.push("hexadecimal digits");
  else if (capitalHex || smallHex) return null;
  else if (digits) names.push("digits");
  if (/[^\\]-./.test(left) || /\\[A-Za-z0-9]/.test(left)) return null;
  const marks = [...left.matchAll(/\\(.)|(.)/gs)].map(([, escaped, plain]) => escaped ?? plain ?? "");
  if (marks.length > 5) names.push(`any of \`${marks.join("")}\``);
  else names.push(...marks.map((mark) => `\`${mark}\``));
  return names.length > 1 ? `${names.slice(0, -1).join(", ")} or ${names.at(-1)}` : (names[0] ?? null);
}
