import { malformed } from "./fault.ts";

const MAX_DEPTH = 10;
const MAX_KEYS = 4_096;
const MAX_STRINGS = 8_192;
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\.)*"/y;

/**
 * Parses a JSON body strictly: UTF-8, no duplicate keys, no lone surrogates, no `__proto__`, no control characters,
 * nesting of at most 10, 4,096 keys and 8,192 strings. What it refuses it names by position, never by value.
 *
 * @throws Fault `request_malformed`
 */
export function readJson(bytes: Buffer): unknown {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw malformed("", "must be UTF-8");
  }
  return new Reader(text).document();
}

class Reader {
  readonly #text: string;
  #at = 0;
  #keys = 0;
  #strings = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): unknown {
    const value = this.#value(0);
    this.#space();
    if (this.#at !== this.#text.length) throw this.#fault("has something after the JSON value");
    return value;
  }

  #value(depth: number): unknown {
    this.#space();
    if (depth > MAX_DEPTH) throw this.#fault(`is nested more than ${MAX_DEPTH} deep`);
    const first = this.#text[this.#at];
    if (first === "{") return this.#object(depth);
    if (first === "[") return this.#array(depth);
    if (first === '"') return this.#string();
    for (const [word, value] of [
      ["true", true],
      ["false", false],
      ["null", null],
    ] as const) {
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length;
        return value;
      }
    }
    return this.#number();
  }

  #object(depth: number): Record<string, unknown> {
    const seen = new Map<string, unknown>();
    this.#at += 1;
    if (this.#took("}")) return {};
    do {
      this.#space();
      if (this.#text[this.#at] !== '"') throw this.#fault("is not valid JSON");
      const key = this.#string();
      this.#keys += 1;
      if (this.#keys > MAX_KEYS) throw this.#fault(`has more than ${MAX_KEYS} keys`);
      if (FORBIDDEN_KEYS.has(key)) throw this.#fault("has a key that no object here may have");
      if (seen.has(key)) throw this.#fault("has the same key twice");
      if (!this.#took(":")) throw this.#fault("is not valid JSON");
      seen.set(key, this.#value(depth + 1));
    } while (this.#took(","));
    if (!this.#took("}")) throw this.#fault("is not valid JSON");
    return Object.fromEntries(seen);
  }

  #array(depth: number): unknown[] {
    const items: unknown[] = [];
    this.#at += 1;
    if (this.#took("]")) return items;
    do items.push(this.#value(depth + 1));
    while (this.#took(","));
    if (!this.#took("]")) throw this.#fault("is not valid JSON");
    return items;
  }

  #string(): string {
    this.#strings += 1;
    if (this.#strings > MAX_STRINGS) throw this.#fault(`has more than ${MAX_STRINGS} strings`);
    const raw = this.#match(STRING);
    let value: string;
    try {
      value = JSON.parse(raw);
    } catch {
      throw this.#fault("has a string with an escape that JSON does not know");
    }
    if (!value.isWellFormed()) throw this.#fault("has a lone surrogate");
    return value;
  }

  #number(): number {
    const raw = this.#match(NUMBER);
    const value = Number(raw);
    if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value)))
      throw this.#fault("has a number that cannot be kept exactly");
    return value;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (!found) throw this.#fault("is not valid JSON");
    this.#at = pattern.lastIndex;
    return found[0];
  }

  #took(character: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #space(): void {
    while (" \t\n\r".includes(this.#text[this.#at] ?? "x")) this.#at += 1;
  }

  #fault(message: string) {
    return malformed("", `${message} (character ${this.#at})`);
  }
}
