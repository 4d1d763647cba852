import { z } from "zod";
import { Fault, type FieldError } from "./fault.ts";
import { PROVIDER_SLUG, UUID } from "./names.ts";

const printable = /^[^\p{Cc}\p{Cf}\u2028\u2029]*$/u;
const name = z.string().min(1).max(100).regex(printable).meta({
  description: "A label, 1-100 characters, none of them a control or formatting character.",
  // For tools that know no classes of characters: as much of it as they understand.
  pattern: "^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]*$",
});
const metadata = z
  .record(z.string().max(64), z.unknown())
  .meta({ description: "Non-sensitive settings from the provider's allow-list." });
const credential = z
  .union([z.string().min(1).max(65_536), z.record(z.string(), z.unknown())])
  .meta({ description: "The key as text, or an object of the provider's fields." });
/** RFC 3339, or a date alone, which means its last second in UTC. Normalised to milliseconds and Z. */
export const moment = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()])
  .transform((text) => new Date(text.length === 10 ? `${text}T23:59:59.000Z` : text).toISOString())
  .meta({ description: "RFC 3339 time; a date alone means 23:59:59Z." });
const pipelineId = z
  .string()
  .regex(/^[a-z][a-z0-9_.]{2,80}$/)
  .meta({ description: "A pipeline of this provider, from the registry." });
const runId = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$/)
  .meta({ description: "The run this is for; it goes to the audit log." });

export const setupBody = z.strictObject({
  credential: credential.optional(),
  credential_name: name.optional(),
  metadata: metadata.optional(),
  skip_validation: z.boolean().default(false).meta({ description: "Store as PENDING without asking the provider." }),
  expires_at: moment.optional(),
});
export type SetupBody = z.infer<typeof setupBody>;

export const emptyBody = z.strictObject({});

export const updateBody = z
  .strictObject({
    credential: credential.optional(),
    credential_name: name.optional(),
    metadata: metadata.optional().meta({ description: "Merged by key; null removes a key." }),
    config: metadata.optional().meta({ description: "Older name of metadata.", deprecated: true }),
    enabled: z.boolean().optional(),
    expires_at: moment.nullable().optional().meta({ description: "Declared expiry; null removes it." }),
    deactivation_scheduled_at: moment.nullable().optional().meta({ description: "When to stop; null cancels." }),
  })
  .refine((body) => Object.keys(body).length > 0, "must change at least one thing");
export type UpdateBody = z.infer<typeof updateBody>;

export const rotateBody = z.strictObject({ new_credentials: credential });

export const importBody = z.strictObject({
  items: z
    .array(
      z.strictObject({
        provider: z.string().regex(PROVIDER_SLUG).meta({ description: "As in a path: `openai`, `custom-miro`." }),
        credential: credential.optional(),
        credential_name: name.optional(),
        metadata: metadata.optional(),
      }),
    )
    .min(1)
    .max(100),
});
export type ImportBody = z.infer<typeof importBody>;

export const decryptBody = z.strictObject({
  pipeline: pipelineId,
  run_id: runId,
  as: z
    .enum(["secret", "token", "none"])
    .default("secret")
    .meta({ description: "The secret, a short-lived stand-in, or everything but the secret." }),
});
export type DecryptBody = z.infer<typeof decryptBody>;

export const failuresBody = z.strictObject({
  credential_id: z.string().regex(UUID),
  pipeline: pipelineId,
  run_id: runId,
  http_status: z.int().min(100).max(599).optional(),
});
export type FailuresBody = z.infer<typeof failuresBody>;

export const revalidateBody = z.strictObject({
  limit: z.int().min(1).max(100_000).default(10_000),
  max_seconds: z.int().min(1).max(3_600).default(540),
  shard: z
    .string()
    .regex(/^(?:\d{1,3})\/(?:[1-9]\d{0,2})$/)
    .optional()
    .meta({ description: "`i/n`, i from 0: this share of all credentials." }),
  org: z.string().max(63).optional(),
});
export type RevalidateBody = z.infer<typeof revalidateBody>;

/**
 * Checks a body. What is wrong is told by field and in our own words; no value and no unknown key is ever repeated.
 *
 * @throws Fault `request_malformed`
 */
export function readBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(body ?? {});
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.flatMap((issue) => explain(issue, schema)).slice(0, 100);
  const first = errors[0];
  throw new Fault("request_malformed", {
    detail: first ? `${first.field || "body"}: ${first.message}` : "The body is malformed",
    errors,
  });
}

function explain(issue: z.core.$ZodIssue, schema: z.ZodType): FieldError[] {
  const field = pointer(issue.path);
  switch (issue.code) {
    case "unrecognized_keys":
      return [
        { field, message: `has a key that is not known here; allowed: ${allowedKeys(schema, issue.path).join(", ")}` },
      ];
    case "invalid_type":
      return [
        {
          field,
          message: issue.input === undefined && "input" in issue ? "is missing" : `must be ${article(issue.expected)}`,
        },
      ];
    case "too_small":
      return [{ field, message: `must be at least ${issue.minimum}${unit(issue.origin)}` }];
    case "too_big":
      return [{ field, message: `must be at most ${issue.maximum}${unit(issue.origin)}` }];
    case "invalid_value":
      return [{ field, message: `must be one of: ${issue.values.map(String).join(", ")}` }];
    case "invalid_format":
      return [
        {
          field,
          message:
            issue.format === "datetime" || issue.format === "date"
              ? "must be a time in RFC 3339 or a date"
              : "has characters or a shape that is not allowed",
        },
      ];
    case "custom":
      return [{ field, message: issue.message }];
    case "invalid_union":
      return [{ field, message: unionMessage(issue) }];
    default:
      // The last part of the path may be a key that a customer wrote.
      return [{ field: pointer(issue.path.slice(0, -1)), message: "is not allowed" }];
  }
}

function unionMessage(issue: z.core.$ZodIssueInvalidUnion): string {
  const kinds = new Set(issue.errors.flat().map((inner) => (inner.code === "invalid_format" ? "time" : inner.code)));
  if (kinds.has("time")) return "must be a time in RFC 3339 or a date";
  if (kinds.has("too_small")) return "must not be empty";
  if (kinds.has("too_big")) return "is too long";
  return "is missing or of the wrong type";
}

function pointer(path: PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

function article(expected: string): string {
  return /^[aeiou]/.test(expected) ? `an ${expected}` : `a ${expected}`;
}

function unit(origin: string): string {
  return origin === "string" ? " characters" : origin === "array" ? " items" : "";
}

/** The keys an object of the schema at that path may have; for records, none are listed. */
function allowedKeys(schema: z.ZodType, path: PropertyKey[]): string[] {
  let current: unknown = schema;
  for (const part of path) {
    if (current instanceof z.ZodObject) current = current.shape[String(part)];
    else if (current instanceof z.ZodArray) current = current.element;
    if (current instanceof z.ZodOptional) current = current.unwrap();
  }
  return current instanceof z.ZodObject ? Object.keys(current.shape) : [];
}
