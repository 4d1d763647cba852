import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { crc32c, readChecksum } from "../../../shared/adapters/cloud/crc32c.ts";

const counting = (length: number) => Buffer.from(Array.from({ length }, (_, index) => index));

/** An iSCSI SCSI Read (10) command, as RFC 3720 prints it. */
const scsiRead = Buffer.from(
  "01c000000000000000000000000000001400000000000400000000140000001828000000000000000200000000000000",
  "hex",
);

/** One bit at a time, as the definition has it. */
function byDefinition(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

describe("CRC-32C", () => {
  // RFC 3720 appendix B.4 prints the five CRCs byte by byte, so they stand here the other way round; "123456789" is the
  // check value of CRC-32/ISCSI in https://reveng.sourceforge.io/crc-catalogue/all.htm, read 2026-11-21.
  test.each([
    ["no bytes", Buffer.alloc(0), 0x00000000],
    ["123456789", Buffer.from("123456789"), 0xe3069283],
    ["32 zeros", Buffer.alloc(32), 0x8a9136aa],
    ["32 ones", Buffer.alloc(32, 0xff), 0x62a8ab43],
    ["32 counted up", counting(32), 0x46dd794e],
    ["32 counted down", Buffer.from(counting(32).reverse()), 0x113fdb5c],
    ["an iSCSI read command", scsiRead, 0xd9963a56],
  ])("of %s is the published one", (_, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
  });

  test("is what the definition gives, for every length to 300, wherever in memory the bytes begin", () => {
    for (let length = 0; length <= 300; length += 1) {
      const around = randomBytes(length + 7);
      const bytes = around.subarray(length % 8, (length % 8) + length);
      expect(crc32c(bytes), `${length} bytes`).toBe(byDefinition(bytes));
    }
  });

  test("takes bytes of any view, and leaves them as they are", () => {
    const bytes = new Uint8Array([49, 50, 51, 52, 53, 54, 55, 56, 57]);
    expect(crc32c(bytes)).toBe(0xe3069283);
    expect([...bytes]).toEqual([49, 50, 51, 52, 53, 54, 55, 56, 57]);
  });

  test("changes with every bit", () => {
    const bytes = randomBytes(64);
    const before = crc32c(bytes);
    for (let bit = 0; bit < 64 * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(crc32c(changed)).not.toBe(before);
    }
  });

  test("of 64 KiB takes milliseconds, not seconds", () => {
    const bytes = randomBytes(65_536);
    const startedAt = performance.now();
    for (let round = 0; round < 20; round += 1) crc32c(bytes);
    expect((performance.now() - startedAt) / 20).toBeLessThan(50);
  });
});

describe("a checksum as Google's clients hand it over", () => {
  test.each([
    ["text, wrapped", { value: "3808858755" }, 3_808_858_755],
    ["a number, wrapped", { value: 3_808_858_755 }, 3_808_858_755],
    ["a Long, wrapped", { value: { low: -486_108_541, high: 0, unsigned: false } }, 3_808_858_755],
    ["bare text", "3808858755", 3_808_858_755],
    ["a bare number", 7, 7],
    ["a bare Long", { low: 7, high: 0, unsigned: true }, 7],
    ["zero", { value: "0" }, 0],
    ["the greatest", "4294967295", 4_294_967_295],
  ])("as %s is read", (_, given, expected) => {
    expect(readChecksum(given)).toBe(expected);
  });

  test.each([
    ["missing", undefined],
    ["null", null],
    ["a wrapper around nothing", { value: null }],
    ["an empty wrapper", {}],
    ["empty text", ""],
    ["text that is no number", "crc"],
    ["text with a blank", " 7"],
    ["a leading zero", "07"],
    ["hexadecimal", "0x7"],
    ["an exponent", "1e3"],
    ["a negative number", -1],
    ["negative text", "-1"],
    ["a fraction", 1.5],
    ["not a number", Number.NaN],
    ["more than 32 bits", 4_294_967_296],
    ["more than 32 bits as text", "4294967296"],
    ["ten digits and one", "10000000000"],
    ["a Long of more than 32 bits", { low: 7, high: 1, unsigned: true }],
    ["a negative Long", { low: -1, high: -1, unsigned: false }],
    ["a wrapper in a wrapper", { value: { value: "7" } }],
    ["true", true],
    ["a list", ["7"]],
  ])("%s is no checksum", (_, given) => {
    expect(readChecksum(given)).toBeNull();
  });
});
