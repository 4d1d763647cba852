import { hash } from "node:crypto";
import type { Metadata } from "../contract/rows.ts";

const SCHEMA_VERSION = "1";

/** What a ciphertext belongs to. Opening it under any other binding fails. */
export interface Binding {
  org_slug: string;
  provider: string;
  credential_id: string;
  credential_type: string;
  /** The metadata that decides where the secret is sent, as stored. */
  bound: Metadata;
}

/**
 * The associated data of a credential: `CSV1`, then length (uint32, big endian) and UTF-8 bytes of organisation,
 * provider, credential id, type, schema version and the SHA-256 (hex) of the bound metadata as canonical JSON.
 * The lengths keep ("ab","c") apart from ("a","bc").
 */
export function associatedData(binding: Binding): Buffer {
  const parts = [
    binding.org_slug,
    binding.provider,
    binding.credential_id,
    binding.credential_type,
    SCHEMA_VERSION,
    hash("sha256", canonical(binding.bound), "hex"),
  ];
  return Buffer.concat([
    Buffer.from("CSV1"),
    ...parts.flatMap((part) => {
      const bytes = Buffer.from(part, "utf8");
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return [length, bytes];
    }),
  ]);
}

/** JSON with keys in code-unit order at every level. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(",")}}`;
  }
  return JSON.stringify(value) ?? "null";
}
