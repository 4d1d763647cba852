import { type KeyObject, sign } from "node:crypto";

/** A self-signed certificate of a service account's key, as Google publishes it: PEM. Years beyond 2049 are taken. */
export function certificateOf(
  key: { publicKey: KeyObject; privateKey: KeyObject },
  name: string,
  from: Date,
  to: Date,
): string {
  const algorithm = sequence(oid(SHA256_WITH_RSA), nothing);
  const subject = sequence(set(sequence(oid(COMMON_NAME), utf8(name))));
  const body = sequence(
    tagged(0, integer(2)),
    integer(Math.floor(from.getTime() / 1_000)),
    algorithm,
    subject,
    sequence(time(from), time(to)),
    subject,
    key.publicKey.export({ type: "spki", format: "der" }),
  );
  const signature = sign("sha256", body, key.privateKey);
  const der = sequence(body, algorithm, element(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

const SHA256_WITH_RSA = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
const COMMON_NAME = [0x55, 0x04, 0x03];
const nothing = element(0x05, Buffer.alloc(0));

function element(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const bytes = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...bytes]), content]);
}

function sequence(...parts: Buffer[]): Buffer {
  return element(0x30, Buffer.concat(parts));
}

function set(...parts: Buffer[]): Buffer {
  return element(0x31, Buffer.concat(parts));
}

function tagged(number: number, content: Buffer): Buffer {
  return element(0xa0 + number, content);
}

function oid(bytes: number[]): Buffer {
  return element(0x06, Buffer.from(bytes));
}

function utf8(text: string): Buffer {
  return element(0x0c, Buffer.from(text));
}

function integer(value: number): Buffer {
  const hex = value.toString(16);
  const even = hex.length % 2 === 0 ? hex : `0${hex}`;
  const bytes = Buffer.from(even, "hex");
  return element(0x02, (bytes[0] ?? 0) > 0x7f ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);
}

/** `YYMMDDhhmmssZ` until 2049, `YYYYMMDDhhmmssZ` from then on. */
function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]|\.\d+/g, "");
  return date.getUTCFullYear() < 2050
    ? element(0x17, Buffer.from(digits.slice(2)))
    : element(0x18, Buffer.from(digits));
}
