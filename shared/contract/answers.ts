import { z } from "zod";
import { faults } from "./fault.ts";
import { outcomes, statuses, tableKinds, tableStates } from "./verdict.ts";

/* What the service answers, as schemas: for the OpenAPI document and for tests. Nothing at run time reads them. */

const time = z.iso.datetime().meta({ description: "RFC 3339 UTC with milliseconds." });
const when = time.nullable();
const status = z.enum(statuses);
const lifecycle = z.enum(["pending", "active", "error", "disabled", "expired", "not_configured"]);
const category = z.enum(["cloud", "genai", "saas"]);
const uuid = z.uuid();

export const capability = z.strictObject({
  id: z.string(),
  state: z.enum(["granted", "denied", "unknown"]),
  reason: z.string().optional(),
  remedy: z.string().optional(),
});
export const readiness = z.strictObject({
  id: z.string(),
  ready: z.union([z.boolean(), z.literal("unknown")]),
  missing: z.array(z.string()),
});
const details = z.strictObject({
  connection: z.string(),
  permissions: z.string(),
  models: z.int().optional(),
  tier: z.string().optional(),
  message: z.string().optional(),
  account: z.string().optional(),
  key_created_at: time.optional(),
  tables: z
    .array(
      z.strictObject({
        setting: z.string(),
        table: z.string(),
        kind: z.enum(tableKinds),
        state: z.enum(tableStates),
        location: z.string().nullable(),
        last_export_at: when,
        lag_hours: z.number().nullable(),
      }),
    )
    .optional()
    .meta({ description: "The tables of a billing export, as seen." }),
  cancellation_deadline: z.iso.date().optional(),
  next_renewal_date: z.iso.date().optional(),
});

export const configuredAnswer = z.strictObject({
  success: z.literal(true),
  provider: z.string(),
  credential_id: uuid,
  validation_status: status,
  message: z.string(),
  capabilities: z.array(capability),
  pipelines: z.array(readiness),
  warnings: z.array(z.string()),
});

export const verdictAnswer = z.strictObject({
  success: z.boolean(),
  provider: z.string(),
  validation_status: status,
  message: z.string(),
  details,
  outcome: z.enum(outcomes),
  code: z.string().optional(),
  reason: z.string().optional(),
  remedy: z.string().optional(),
  capabilities: z.array(capability),
  pipelines: z.array(readiness),
  warnings: z.array(z.string()),
  last_validated_at: when,
  last_checked_at: time,
  dry_run: z.literal(true).optional(),
});

const configuredSummary = z.strictObject({
  provider: z.string(),
  display_name: z.string(),
  category,
  status,
  lifecycle,
  enabled: z.boolean(),
  credential_name: z.string(),
  credential_id: uuid,
  last_validated_at: when,
  last_checked_at: when,
  expires_at: when,
  pipelines: z.array(readiness),
  created_at: time,
});
const absentSummary = z.strictObject({
  provider: z.string(),
  display_name: z.string(),
  category,
  status: z.literal("NOT_CONFIGURED"),
  lifecycle: z.literal("not_configured"),
});
const unreadableSummary = z
  .strictObject({
    provider: z.string(),
    display_name: z.string(),
    category,
    status: z.literal("PENDING"),
    lifecycle: z.literal("error"),
    code: z.literal("integrity"),
  })
  .meta({ description: "A stored row that failed its checks." });
export const listAnswer = z.strictObject({
  org_slug: z.string(),
  integrations: z.record(z.string(), z.union([configuredSummary, absentSummary, unreadableSummary])),
  all_valid: z.boolean(),
  all_configured_valid: z.boolean(),
  providers_configured: z.array(z.string()),
});

export const integrationInfo = z.strictObject({
  org_slug: z.string(),
  provider: z.string(),
  display_name: z.string(),
  category,
  status,
  lifecycle,
  enabled: z.boolean(),
  credential_id: uuid,
  credential_name: z.string(),
  credential_type: z.string(),
  fingerprint: z.string().nullable(),
  key_version: z.string().nullable(),
  metadata: z.record(z.string(), z.unknown()),
  validation: z.strictObject({
    outcome: z.enum(outcomes).nullable(),
    code: z.string().nullable(),
    message: z.string(),
    remedy: z.string().nullable(),
    details: details.nullable(),
  }),
  capabilities: z.array(capability),
  pipelines: z.array(readiness),
  last_validated_at: when,
  last_checked_at: when,
  expires_at: when,
  deactivation_scheduled_at: when,
  created_at: time,
  updated_at: time,
  created_by: z.string(),
});

export const historyAnswer = z.strictObject({
  items: z.array(
    z.strictObject({
      type: z.string(),
      at: time,
      credential_id: uuid,
      status: status.nullable(),
      key_version: z.string().nullable(),
      fingerprint: z.string().nullable(),
      actor: z.string(),
    }),
  ),
  next_cursor: z.string().nullable(),
});

export const instructionsAnswer = z.strictObject({
  org_slug: z.string(),
  provider: z.string(),
  display_name: z.string(),
  credential_type: z.string(),
  steps: z.array(z.string()),
  fields: z.array(
    z.strictObject({
      name: z.string(),
      label: z.string(),
      secret: z.boolean(),
      example: z.string().optional(),
      optional: z.boolean(),
      help: z.string().optional(),
    }),
  ),
  settings: z.array(
    z.strictObject({
      name: z.string(),
      label: z.string(),
      kind: z.string(),
      required: z.boolean(),
      example: z.string(),
      help: z.string().optional(),
      options: z.array(z.string()).optional(),
    }),
  ),
  snippets: z
    .array(z.strictObject({ id: z.string(), title: z.string(), language: z.string(), text: z.string() }))
    .meta({ description: "Policies and command lines for this organisation, ready to paste." }),
  notes: z.array(z.string()).meta({ description: "What to know before pasting." }),
  docs_url: z.string().nullable(),
  setup: z.strictObject({ method: z.literal("POST"), path: z.string() }),
});

const publicSetting = z.strictObject({
  name: z.string(),
  label: z.string(),
  kind: z.string().meta({ description: "text, date, decimal, integer, boolean or list." }),
  pattern: z.string().nullable(),
  options: z.array(z.string()).nullable(),
  min: z.number().nullable(),
  max: z.number().nullable().meta({ description: "Largest number, or most elements of a list." }),
  example: z.string(),
  help: z.string().nullable(),
  required: z.boolean(),
});
export const publicProvider = z.strictObject({
  code: z.string(),
  path: z.string().meta({ description: "The preferred path segment; `custom-{slug}` where the caller names it." }),
  aliases: z.array(z.string()),
  family: z.string().nullable().meta({ description: "The path segment that it shares with others, if any." }),
  display_name: z.string(),
  category,
  credential_type: z.string(),
  fields: z
    .array(
      z.strictObject({
        name: z.string(),
        label: z.string(),
        secret: z.boolean(),
        pattern: z
          .string()
          .nullable()
          .meta({ description: "What a form may hold the value to; null where only the service can." }),
        example: z.string().nullable(),
        optional: z.boolean(),
        help: z.string().nullable(),
        kind: z.string(),
        options: z.array(z.string()).nullable(),
      }),
    )
    .meta({ description: "What the credential consists of; none for subscriptions." }),
  recognise: z
    .array(z.string())
    .meta({ description: "Patterns of credentials that are clearly its own, wherever they are pasted." }),
  document: z
    .boolean()
    .meta({ description: "The credential may be given as a JSON document: an object, text or base64." }),
  metadata: z
    .array(publicSetting.extend({ items: z.array(publicSetting).optional() }))
    .meta({ description: "The settings that `metadata` may hold." }),
  capabilities: z.array(z.strictObject({ id: z.string(), label: z.string() })),
  pipelines: z.array(z.strictObject({ id: z.string(), all_of: z.array(z.string()), any_of: z.array(z.string()) })),
  setup_help: z.array(z.string()),
  cannot_know: z.array(z.string()),
  docs_url: z.string().nullable(),
});
export const providersAnswer = z.strictObject({ providers: z.array(publicProvider) });

export const deletedAnswer = z.strictObject({
  success: z.literal(true),
  message: z.string(),
  deactivation_scheduled_at: time.optional(),
});

export const importAnswer = z.strictObject({
  success: z.boolean(),
  dry_run: z.literal(true).optional(),
  results: z.array(
    z.strictObject({
      index: z.int(),
      provider: z.string(),
      status: z.enum(["completed", "failed", "not_attempted"]),
      code: z.string().optional(),
      error: z.string().optional(),
      errors: z.array(z.strictObject({ field: z.string(), message: z.string() })).optional(),
      remedy: z.string().optional(),
      credential_id: uuid.optional(),
    }),
  ),
});

export const decryptAnswer = z.strictObject({
  org_slug: z.string(),
  provider: z.string(),
  credential_id: uuid,
  credential_type: z.string(),
  credential: z.record(z.string(), z.string()).nullable(),
  token: z
    .union([
      z.strictObject({ type: z.literal("access_token"), access_token: z.string(), expires_at: time }),
      z.strictObject({
        type: z.literal("aws_session"),
        access_key_id: z.string(),
        secret_access_key: z.string(),
        session_token: z.string(),
        expires_at: time,
      }),
    ])
    .optional()
    .meta({ description: 'A short-lived stand-in, where `"as": "token"` asked for one.' }),
  metadata: z.record(z.string(), z.unknown()),
  fingerprint: z.string().nullable(),
  key_version: z.string().nullable(),
  validation_status: status,
  last_validated_at: when,
  capabilities: z.array(capability),
  pipelines: z.array(readiness),
  expires_at: when,
  cache: z.enum(["hit", "miss"]),
  cache_max_age_s: z.int(),
});

export const reportedAnswer = z.strictObject({ success: z.literal(true), message: z.string() });

export const sweepAnswer = z.strictObject({
  checked: z.int(),
  valid: z.int(),
  invalid: z.int(),
  expired: z.int(),
  inconclusive: z.int(),
  remaining: z.int(),
  next_due_at: when,
  incidents: z.array(z.string()),
  providers: z.record(
    z.string(),
    z.strictObject({
      checked: z.int(),
      valid: z.int(),
      invalid: z.int(),
      expired: z.int(),
      inconclusive: z.int(),
      incident: z.boolean(),
    }),
  ),
});

export const problemAnswer = z.strictObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.enum(Object.keys(faults)),
  request_id: uuid,
  success: z.literal(false),
  error: z.string(),
  provider: z.string().optional(),
  errors: z.array(z.strictObject({ field: z.string(), message: z.string() })).optional(),
  reason: z.string().optional(),
  remedy: z.string().optional(),
  retry_after_s: z.int().optional(),
});
