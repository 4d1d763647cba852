/** CRC-32C (Castagnoli), the polynomial reversed. Node's own `zlib.crc32` has another polynomial. */
const POLYNOMIAL = 0x82f63b78;

/** Eight tables of 256, one after the other: eight bytes are taken at a time. */
const tables = buildTables();

/** The CRC-32C of the bytes, as an unsigned 32-bit number. Source: RFC 3720, appendix B.4, read 2026-11-20. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  let at = 0;
  for (; at + 8 <= bytes.length; at += 8) {
    crc ^= byte(bytes, at) | (byte(bytes, at + 1) << 8) | (byte(bytes, at + 2) << 16) | (byte(bytes, at + 3) << 24);
    crc =
      entry(7, crc & 0xff) ^
      entry(6, (crc >>> 8) & 0xff) ^
      entry(5, (crc >>> 16) & 0xff) ^
      entry(4, crc >>> 24) ^
      entry(3, byte(bytes, at + 4)) ^
      entry(2, byte(bytes, at + 5)) ^
      entry(1, byte(bytes, at + 6)) ^
      entry(0, byte(bytes, at + 7));
  }
  for (; at < bytes.length; at += 1) crc = (crc >>> 8) ^ entry(0, (crc ^ byte(bytes, at)) & 0xff);
  return (crc ^ 0xffffffff) >>> 0;
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

function entry(table: number, index: number): number {
  return tables[table * 256 + index] ?? 0;
}

function buildTables(): Int32Array {
  const all = new Int32Array(8 * 256);
  for (let index = 0; index < 256; index += 1) {
    let crc = index;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    all[index] = crc;
  }
  for (let index = 256; index < all.length; index += 1) {
    const before = all[index - 256] ?? 0;
    all[index] = (before >>> 8) ^ (all[before & 0xff] ?? 0);
  }
  return all;
}

/**
 * The checksum as Google's clients hand it over: an int64, bare or wrapped as `{ value }`, as number, decimal text or
 * Long, depending on the transport.
 *
 * @returns `null` for what is no unsigned 32-bit number, which then equals no checksum
 */
export function readChecksum(given: unknown): number | null {
  const value = typeof given === "object" && given !== null && "value" in given ? given.value : given;
  if (typeof value === "number") return Number.isInteger(value) && value >= 0 && value <= 0xffffffff ? value : null;
  const text = typeof value === "string" ? value : longText(value);
  if (text === null || !/^(?:0|[1-9]\d{0,9})$/.test(text)) return null;
  const number = Number(text);
  return number <= 0xffffffff ? number : null;
}

/** A Long (two 32-bit halves) as decimal text. */
function longText(value: unknown): string | null {
  if (typeof value !== "object" || value === null || !("low" in value) || !("high" in value)) return null;
  return value.high === 0 && typeof value.low === "number" ? String(value.low >>> 0) : null;
}
