import type { RouteName } from "../../shared/contract/routes.ts";

/** A request that can be sent as it stands, to the organisation `acme`, and how it is answered. */
export interface RequestExample {
  summary: string;
  value: Record<string, unknown>;
  /** What stands in the path; `openai` where left out. */
  provider?: string;
  query?: string;
  status: number;
}

/** Of the right shape and nobody's. */
const OPENAI_KEY = "sk-admin-EXAMPLE-EXAMPLE-EXAMPLE-EXAMPLE";
const ANOTHER_KEY = "sk-admin-EXAMPLE-EXAMPLE-EXAMPLE-ROTATED";
const GROQ_KEY = "gsk_EXAMPLEEXAMPLEEXAMPLEEXAMPLE";
const ROLE = "arn:aws:iam::111122223333:role/CloudActCostReader";
export const CREDENTIAL_ID = "0b6f1a52-7d3e-4c1b-9a43-3f7f1c2f9d10";

export const requestExamples: Partial<Record<RouteName, Record<string, RequestExample>>> = {
  setup: {
    openai: { summary: "A key as text", value: { credential: OPENAI_KEY }, status: 201 },
    named: {
      summary: "A key with a name, settings and the date on which it ends",
      provider: "groq",
      value: {
        credential: GROQ_KEY,
        credential_name: "Groq, production",
        metadata: { team: "finops" },
        expires_at: "2030-12-31",
      },
      status: 201,
    },
    aws: {
      summary: "A role in AWS, without any key",
      provider: "aws",
      value: { credential: { role_arn: ROLE } },
      status: 201,
    },
    gcp: {
      summary: "A service account of Google Cloud and its billing export",
      provider: "gcp",
      value: {
        credential: {
          type: "service_account",
          project_id: "acme-billing",
          private_key_id: "0000000000000000000000000000000000000000",
          private_key: "EXAMPLE: the private_key of the JSON file, as it stands there",
          client_email: "cloudact@acme-billing.iam.gserviceaccount.com",
          client_id: "100000000000000000001",
        },
        metadata: { billing_export_table: "acme-billing.billing_export.gcp_billing_export_v1_01ABCD_234567_89ABCD" },
      },
      status: 201,
    },
    claude_pro: {
      summary: "A subscription: a record, without a credential",
      provider: "claude_pro",
      value: {
        metadata: {
          unit_price: "18.00",
          currency: "EUR",
          billing_cycle: "monthly",
          seats: 25,
          billing_model: "per_seat",
        },
      },
      status: 201,
    },
    custom: {
      summary: "A subscription that has no template",
      provider: "custom-miro",
      value: {
        credential_name: "Miro",
        metadata: { unit_price: "8.00", currency: "USD", billing_cycle: "monthly", seats: 10 },
      },
      status: 201,
    },
    unproven: {
      summary: "Stored as PENDING, without asking the provider",
      value: { credential: OPENAI_KEY, skip_validation: true },
      status: 201,
    },
    dry_run: {
      summary: "Asked and not stored: POST …/setup?dry_run=true",
      query: "dry_run=true",
      value: { credential: OPENAI_KEY },
      status: 200,
    },
  },
  import: {
    three: {
      summary: "Three providers at once",
      value: {
        items: [
          { provider: "openai", credential: OPENAI_KEY, credential_name: "OpenAI, production" },
          { provider: "groq", credential: GROQ_KEY },
          { provider: "claude_pro", metadata: { unit_price: "18.00", currency: "EUR", billing_cycle: "monthly" } },
        ],
      },
      status: 200,
    },
  },
  validate: { empty: { summary: "Nothing need be said", value: {}, status: 200 } },
  update: {
    metadata: {
      summary: "A name, a setting, and one setting removed",
      value: { credential_name: "OpenAI, production", metadata: { team: "finops", owner: null } },
      status: 200,
    },
    disable: { summary: "Disabled: decrypt refuses it from now on", value: { enabled: false }, status: 200 },
    keep: { summary: "A scheduled deactivation is cancelled", value: { deactivation_scheduled_at: null }, status: 200 },
    credential: { summary: "A new credential", value: { credential: ANOTHER_KEY }, status: 200 },
  },
  rotate: { openai: { summary: "A new key", value: { new_credentials: ANOTHER_KEY }, status: 200 } },
  decrypt: {
    secret: {
      summary: "The credential",
      value: { pipeline: "genai.payg_usage", run_id: "2026-11-21T06:00" },
      status: 200,
    },
    none: {
      summary: "A preflight: everything but the secret",
      value: { pipeline: "genai.payg_usage", run_id: "2026-11-21T06:00", as: "none" },
      status: 200,
    },
    token: {
      summary: "A short-lived session in place of the credential",
      provider: "aws",
      value: { pipeline: "cloud.aws.cost.billing", run_id: "2026-11-21T06:00", as: "token" },
      status: 200,
    },
  },
  failures: {
    refused: {
      summary: "The provider answered 401",
      value: {
        credential_id: CREDENTIAL_ID,
        pipeline: "genai.payg_usage",
        run_id: "2026-11-21T06:00",
        http_status: 401,
      },
      status: 202,
    },
  },
  revalidate: {
    all: { summary: "What is due, within the defaults", value: {}, status: 200 },
    part: { summary: "The first of four shares", value: { limit: 5_000, max_seconds: 300, shard: "0/4" }, status: 200 },
  },
};

const AT = "2026-11-21T06:00:00.000Z";
const capabilities = [
  { id: "models_read", state: "granted" },
  { id: "usage_read", state: "granted" },
  { id: "cost_read", state: "granted" },
];
const pipelines = [{ id: "genai.payg_usage", ready: true, missing: [] }];
const stored = {
  success: true,
  provider: "OPENAI",
  credential_id: CREDENTIAL_ID,
  validation_status: "VALID",
  message: "Integration configured successfully",
  capabilities,
  pipelines,
  warnings: [],
};
const details = { connection: "ok", permissions: "ok", models: 3 };
const verdict = {
  success: true,
  provider: "OPENAI",
  validation_status: "VALID",
  message: "Integration validated successfully",
  details,
  outcome: "valid",
  capabilities,
  pipelines,
  warnings: [],
  last_validated_at: AT,
  last_checked_at: AT,
};
const summary = {
  provider: "OPENAI",
  display_name: "OpenAI",
  category: "genai",
  status: "VALID",
  lifecycle: "active",
  enabled: true,
  credential_name: "OpenAI API Key",
  credential_id: CREDENTIAL_ID,
  last_validated_at: AT,
  last_checked_at: AT,
  expires_at: null,
  pipelines,
  created_at: AT,
};
const absent = {
  provider: "GROQ",
  display_name: "Groq",
  category: "genai",
  status: "NOT_CONFIGURED",
  lifecycle: "not_configured",
};
const told = {
  org_slug: "acme",
  provider: "OPENAI",
  credential_id: CREDENTIAL_ID,
  credential_type: "api_key",
  credential: { api_key: OPENAI_KEY },
  metadata: {},
  fingerprint: "1f3a5c7e",
  key_version: "1",
  validation_status: "VALID",
  last_validated_at: AT,
  capabilities,
  pipelines,
  expires_at: null,
  cache: "miss",
  cache_max_age_s: 300,
};

/** What is answered, by status and name. */
export const answerExamples: Record<RouteName, Record<number, Record<string, { summary: string; value: unknown }>>> = {
  setup: {
    200: {
      replaced: { summary: "It replaced another", value: stored },
      dry_run: { summary: "A dry run", value: { ...verdict, dry_run: true } },
      refused: {
        summary: "A dry run of a key that the provider refuses",
        value: {
          ...verdict,
          success: false,
          validation_status: "INVALID",
          message: "OpenAI API key is invalid or expired",
          details: { connection: "ok", permissions: "unknown" },
          outcome: "rejected",
          code: "credential_rejected",
          remedy: "Create a new admin key at platform.openai.com/settings/organization/admin-keys and paste it whole.",
          last_validated_at: null,
          dry_run: true,
        },
      },
    },
    201: { created: { summary: "Stored", value: stored } },
  },
  import: {
    200: {
      mixed: {
        summary: "Each item ends for itself",
        value: {
          success: false,
          results: [
            { index: 0, provider: "OPENAI", status: "completed", credential_id: CREDENTIAL_ID },
            {
              index: 1,
              provider: "GROQ",
              status: "failed",
              code: "credential_rejected",
              error: "Groq API key is invalid or expired",
              remedy: "Create a key at console.groq.com/keys and paste it whole.",
            },
            { index: 2, provider: "CLAUDE_PRO", status: "not_attempted" },
          ],
        },
      },
    },
  },
  validate: {
    200: {
      valid: { summary: "It works", value: verdict },
      outage: {
        summary: "The provider cannot be reached: the status stays",
        value: {
          ...verdict,
          success: false,
          message: "Unable to connect to OpenAI",
          details: { connection: "failed", permissions: "unknown" },
          outcome: "unreachable",
          code: "provider_unreachable",
          reason: "timeout",
          capabilities: [],
          pipelines: [{ id: "genai.payg_usage", ready: "unknown", missing: [] }],
        },
      },
    },
  },
  list: {
    200: {
      two: {
        summary: "One configured, one not",
        value: {
          org_slug: "acme",
          integrations: { OPENAI: summary, GROQ: absent },
          all_valid: false,
          all_configured_valid: true,
          providers_configured: ["OPENAI"],
        },
      },
    },
  },
  providers: {
    200: {
      one: {
        summary: "What a form needs",
        value: {
          providers: [
            {
              code: "GROQ",
              path: "groq",
              aliases: ["groq"],
              family: null,
              display_name: "Groq",
              category: "genai",
              credential_type: "api_key",
              fields: [
                {
                  name: "api_key",
                  label: "API key",
                  secret: true,
                  pattern: "^gsk_[A-Za-z0-9_-]{20,200}$",
                  example: "gsk_…",
                  optional: false,
                  help: null,
                  kind: "text",
                  options: null,
                },
              ],
              recognise: ["^gsk_[A-Za-z0-9]{20}"],
              document: false,
              metadata: [],
              capabilities: [{ id: "cost_read", label: "Costs" }],
              pipelines: [{ id: "genai.payg_usage", all_of: [], any_of: ["usage_read", "cost_read"] }],
              setup_help: ["Create a key at console.groq.com/keys."],
              cannot_know: [],
              docs_url: "https://console.groq.com/docs/errors",
            },
          ],
        },
      },
    },
  },
  openapi: { 200: {} },
  get: {
    200: {
      openai: {
        summary: "A working key",
        value: {
          org_slug: "acme",
          provider: "OPENAI",
          display_name: "OpenAI",
          category: "genai",
          status: "VALID",
          lifecycle: "active",
          enabled: true,
          credential_id: CREDENTIAL_ID,
          credential_name: "OpenAI API Key",
          credential_type: "api_key",
          fingerprint: "1f3a5c7e",
          key_version: "1",
          metadata: { team: "finops" },
          validation: {
            outcome: "valid",
            code: null,
            message: "Integration validated successfully",
            remedy: null,
            details,
          },
          capabilities,
          pipelines,
          last_validated_at: AT,
          last_checked_at: AT,
          expires_at: null,
          deactivation_scheduled_at: null,
          created_at: AT,
          updated_at: AT,
          created_by: "4f9Kq2ZxT7bA",
        },
      },
    },
  },
  history: {
    200: {
      page: {
        summary: "A page",
        value: {
          items: [
            {
              type: "setup",
              at: AT,
              credential_id: CREDENTIAL_ID,
              status: "VALID",
              key_version: "1",
              fingerprint: "1f3a5c7e",
              actor: "4f9Kq2ZxT7bA",
            },
          ],
          next_cursor: null,
        },
      },
    },
  },
  instructions: {
    200: {
      groq: {
        summary: "A provider that takes a key",
        value: {
          org_slug: "acme",
          provider: "GROQ",
          display_name: "Groq",
          credential_type: "api_key",
          steps: ["Create a key at console.groq.com/keys."],
          fields: [{ name: "api_key", label: "API key", secret: true, example: "gsk_…", optional: false }],
          settings: [],
          snippets: [],
          notes: [],
          docs_url: "https://console.groq.com/docs/errors",
          setup: { method: "POST", path: "/acme/groq/setup" },
        },
      },
    },
  },
  update: {
    200: { updated: { summary: "Changed", value: { ...stored, message: "Integration updated successfully" } } },
  },
  rotate: {
    200: { rotated: { summary: "Replaced", value: { ...stored, message: "Credential rotated successfully" } } },
  },
  delete: {
    200: { deleted: { summary: "Deleted", value: { success: true, message: "Integration deleted successfully" } } },
    202: {
      scheduled: {
        summary: "Scheduled",
        value: { success: true, message: "Deletion scheduled", deactivation_scheduled_at: "2026-12-31T23:59:59.000Z" },
      },
    },
  },
  decrypt: {
    200: {
      secret: { summary: "The credential", value: told },
      none: { summary: "A preflight", value: { ...told, credential: null } },
      token: {
        summary: "A short-lived session",
        value: {
          ...told,
          provider: "AWS_IAM",
          credential_type: "role_arn",
          credential: null,
          token: {
            type: "aws_session",
            access_key_id: "ASIAIOSFODNN7EXAMPLE",
            secret_access_key: "EXAMPLE",
            session_token: "EXAMPLE",
            expires_at: "2026-11-21T07:00:00.000Z",
          },
          metadata: { role_arn: ROLE },
          capabilities: [],
          pipelines: [{ id: "cloud.aws.cost.billing", ready: true, missing: [] }],
        },
      },
    },
  },
  failures: {
    202: {
      taken: { summary: "Taken", value: { success: true, message: "Report taken; the credential will be checked" } },
    },
  },
  revalidate: {
    200: {
      swept: {
        summary: "Two were due",
        value: {
          checked: 2,
          valid: 1,
          invalid: 0,
          expired: 0,
          inconclusive: 1,
          remaining: 0,
          next_due_at: "2026-11-21T06:05:00.000Z",
          incidents: [],
          providers: {
            OPENAI: { checked: 2, valid: 1, invalid: 0, expired: 0, inconclusive: 1, incident: false },
          },
        },
      },
    },
  },
};
