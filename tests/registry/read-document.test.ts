import { describe, expect, test } from "vitest";
import { readDocument } from "../../shared/registry/read-document.ts";

const document = { type: "demo", key: "-----BEGIN DEMO-----\nzażółć\n-----END DEMO-----\n", list: [1, { two: null }] };
const text = JSON.stringify(document, null, 2);
const base64 = Buffer.from(text).toString("base64");

describe("a document is read from", () => {
  test.each([
    ["its text", text],
    ["its text on one line", JSON.stringify(document)],
    ["its text between blanks", `\n\t ${text} \n`],
    ["its text in quotes", `'${text}'`],
    ["its text behind a byte order mark", `\ufeff${text}`],
    ["base64", base64],
    ["base64 without its padding", base64.replace(/=+$/, "")],
    ["base64 in lines", base64.replace(/.{76}/g, "$&\r\n")],
    ["base64 for URLs", Buffer.from(text).toString("base64url")],
    ["base64 in quotes", `"${base64}"`],
  ])("%s", (_, pasted) => {
    expect(readDocument(pasted)).toEqual(document);
  });
  test("up to 16 KiB, as text and as base64", () => {
    const large = JSON.stringify({ key: "x".repeat(16 * 1024 - 10) });
    expect(Buffer.byteLength(large)).toBe(16 * 1024);
    expect(readDocument(large)).toHaveProperty("key");
    expect(readDocument(Buffer.from(large).toString("base64"))).toHaveProperty("key");
  });
});

describe("nothing is read from", () => {
  const nested = `${'{"a":'.repeat(12)}1${"}".repeat(12)}`;
  test.each([
    ["nothing", ""],
    ["a word", "hello"],
    ["a list", "[1, 2]"],
    ["a text", '"text"'],
    ["null", "null"],
    ["a number in base64", Buffer.from("7").toString("base64")],
    ["a list in base64", Buffer.from("[1]").toString("base64")],
    ["text that breaks off", text.slice(0, -3)],
    ["text with something behind it", `${text} {}`],
    ["a key that stands twice", '{"type":"a","type":"b"}'],
    ["a key that stands twice further in", '{"a":{"b":1,"b":2}}'],
    ["a prototype", '{"__proto__":{"type":"b"}}'],
    ["a constructor", '{"constructor":{}}'],
    ["deep nesting", nested],
    ["a comment", `/* */ ${text}`],
    ["single quotes inside", "{'type':'demo'}"],
    ["a lone surrogate", '{"a":"\\ud800"}'],
    ["control characters", '{"a":"\n"}'],
    ["more than 16 KiB", JSON.stringify({ key: "x".repeat(16 * 1024) })],
    ["more than 16 KiB in base64", Buffer.from(JSON.stringify({ key: "x".repeat(16 * 1024) })).toString("base64")],
    ["a megabyte", `{"key":"${"x".repeat(1024 * 1024)}"}`],
    ["base64 of bytes that are no UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]).toString("base64")],
    ["base64 twice over", Buffer.from(base64).toString("base64")],
    ["a data URL", `data:application/json;base64,${base64}`],
  ])("%s", (_, pasted) => {
    expect(readDocument(pasted)).toBeNull();
  });
});

test("what is read has no prototype to reach into", () => {
  const read = readDocument('{"toString":"x","hasOwnProperty":1}');
  expect(read).toEqual({ toString: "x", hasOwnProperty: 1 });
});
