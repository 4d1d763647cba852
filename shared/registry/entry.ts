import { z } from "zod";
import { outcomes } from "../contract/verdict.ts";
import { endpointComplaint } from "./endpoints.ts";
import { isLinear, SEARCHED } from "./linear.ts";

const NOT_LINEAR =
  "must compile and stay linear: no quantified group, lookaround, back-reference or inline flag, and few open-ended parts";
/** Patterns and `matches` are linear: no lookaround, no back-reference, no quantified group, no inline flags. */
const linear = z
  .string()
  .max(300)
  .refine((source) => isLinear(source), NOT_LINEAR);
/** The same for what is matched with a provider's text, of which only the beginning is looked at. */
const linearText = z
  .string()
  .max(300)
  .refine((source) => isLinear(source, SEARCHED), NOT_LINEAR);
const word = z.string().regex(/^[a-z][a-z0-9_]{0,63}$/);
/** A path into a JSON answer: `a.b`, `a[].b` for any element; a top-level array is looked through. */
const BODY_PATH = /^[A-Za-z_][\w-]*(?:\[\])?(?:\.[A-Za-z_][\w-]*(?:\[\])?)*$/;
const bodyPath = z.string().regex(BODY_PATH, "must be a path such as a.b or a[].b");
const requiredPath = z
  .string({ error: "must say what the body holds: a status alone never makes a key valid" })
  .regex(BODY_PATH);
const text = z.string().min(1).max(600);
/** May hold `{org_slug}`, `{aws_audience}`, `{aws_subject}` and `{<id of a snippet>}`. */
const remedy = z.string().min(1).max(1_000);

const baseUrl = z.url().superRefine((url, context) => {
  const complaint = endpointComplaint(url, "file");
  if (complaint !== null) context.addIssue({ code: "custom", message: complaint });
});
const scalar = z.union([z.string(), z.number(), z.boolean()]);
const httpStatus = z.int().min(100).max(599);

const condition = z
  .strictObject({
    at: bodyPath.meta({
      description: "Where in the answer's body to look; alone it asks that something other than null is there.",
    }),
    equals: scalar.optional().meta({ description: "Exactly this value." }),
    matches: linearText.optional().meta({ description: "A regular expression over the text there, case-insensitive." }),
  })
  .meta({ description: "Holds where any value found at `at` fits." });

const rule = z
  .strictObject({
    status: z
      .union([httpStatus, z.array(httpStatus).min(1)])
      .meta({ description: "The answer's HTTP status, or several." }),
    at: bodyPath.optional().meta({ description: "Where in the answer's body to look." }),
    equals: scalar.optional().meta({ description: "Exactly this value." }),
    matches: linearText.optional().meta({ description: "A regular expression over the text there, case-insensitive." }),
    and: condition.optional().meta({ description: "A second condition; both must hold." }),
    // biome-ignore lint/suspicious/noThenProperty: the registry's grammar says `then`
    then: z.enum(outcomes).meta({ description: "The outcome this answer stands for." }),
    reason: word.optional().meta({ description: "A machine word that narrows the outcome, e.g. leaked or billing." }),
  })
  .refine(
    (one) => one.at !== undefined || (one.equals === undefined && one.matches === undefined),
    "`equals` and `matches` need `at`",
  );

const call = z.strictObject({
  endpoint: word.meta({ description: "Name of one of the entry's endpoints." }),
  path: z
    .string()
    .regex(/^\/[\x21-\x7e]*$/)
    .meta({ description: "Appended to the endpoint as it stands; never interpolated." }),
  headers: z
    .record(z.string().regex(/^[A-Za-z0-9-]+$/, "must be a header name"), z.string())
    .default({})
    .meta({ description: "`{field}` is replaced by the credential's field." }),
});

/** What is asked, and how the answer reads. What neither `rules` nor `success` names falls to the common ladder. */
export const probeSchema = z
  .strictObject({
    get: call.optional(),
    post: call.extend({ body: z.record(z.string(), z.unknown()) }).optional(),
    success: z.strictObject({
      status: z.int().min(200).max(299),
      has: requiredPath.meta({ description: "The body must hold this; status alone never makes a key valid." }),
      is: z.enum(["array", "object", "string", "number", "boolean"]).optional().meta({
        description: "And what is there must be of this kind; an empty array is one.",
      }),
      expires: bodyPath.optional().meta({ description: "Where the answer holds the key's expiry, RFC 3339." }),
    }),
    rules: z.array(rule).default([]),
  })
  .refine((probe) => (probe.get === undefined) !== (probe.post === undefined), "needs exactly one of get and post");

const capability = z.strictObject({
  id: word,
  label: text.optional(),
  required: z
    .boolean()
    .default(false)
    .meta({ description: "Without it the outcome is `forbidden` instead of `valid`." }),
  state: z
    .enum(["granted", "denied", "unknown"])
    .default("unknown")
    .meta({ description: "What holds for every valid key of this provider, unless its probe finds otherwise." }),
  reason: word.optional(),
  remedy: remedy.optional().meta({ description: "What to do where it is denied." }),
  granted_when: condition.optional().meta({
    description: "Read from the successful answer: granted where it holds, else denied. For HTTP probes only.",
  }),
});

const pipeline = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9_.]{2,80}$/),
  all_of: z.array(word).default([]).meta({ description: "Capabilities it needs, all of them." }),
  any_of: z.array(word).default([]).meta({ description: "And at least one of these." }),
  session_actions: z
    .array(z.string().regex(/^[a-z0-9-]+:[A-Za-z0-9]+\*?$/))
    .default([])
    .meta({ description: "What an AWS session minted for this pipeline may do, and nothing else." }),
});

const shape = z.strictObject({
  pattern: linear.meta({ description: "Shape of the value, after paste repair." }),
  reason: word.meta({ description: "A machine word; the entry's `reasons` says what to do." }),
});

const scalarKinds = ["text", "date", "decimal", "integer", "boolean"] as const;
const settingShape = {
  name: word,
  label: text,
  kind: z
    .enum([...scalarKinds, "list"])
    .default("text")
    .meta({
      description: "A text; YYYY-MM-DD; a decimal number as text; a whole number; true or false; a list of `items`.",
    }),
  pattern: linear.optional().meta({ description: "What a text must match." }),
  options: z.array(text).min(1).optional().meta({ description: "The only texts it may be." }),
  min: z.number().optional(),
  max: z.number().optional().meta({ description: "Largest number, or most elements of a list." }),
  example: text,
  help: text.optional(),
  required: z.boolean().default(false),
};
const setting = z
  .strictObject({
    ...settingShape,
    items: z
      .array(z.strictObject({ ...settingShape, kind: z.enum(scalarKinds).default("text") }))
      .min(1)
      .optional()
      .meta({ description: "What each element of a list holds." }),
  })
  .refine((one) => (one.kind === "list") === (one.items !== undefined), "a list, and only a list, has `items`");

const snippet = z.strictObject({
  id: word,
  title: text,
  language: z.enum(["bash", "json", "yaml", "hcl", "text"]),
  text: z.string().min(1).max(8_000).meta({
    description: "Ready to paste; may hold {org_slug}, {aws_audience}, {aws_subject} and the id of an earlier snippet.",
  }),
});

const field = z.strictObject({
  name: word,
  label: text.optional().meta({ description: "How a form names it; the name where left out." }),
  secret: z.boolean().default(true),
  kind: z.enum(["text", "rsa_private_key"]).default("text").meta({
    description: "An RSA key is a PEM of 2048 to 4096 bits without a passphrase; what surrounds it is repaired.",
  }),
  options: z.array(text).min(1).optional().meta({ description: "The only values it may have." }),
  fixed: text.optional().meta({
    description:
      "What is stored whatever was pasted, as long as that matches the pattern; `{field}` is replaced, URL-encoded. Neither mirrored nor bound.",
  }),
  unique: z
    .boolean()
    .default(false)
    .meta({ description: "Refused where another organisation has stored the same value." }),
  pattern: linear.default("^[\\x21-\\x7e]{8,8192}$").meta({
    description: "Anchored and generous: what the value must match after paste repair. Providers change their shapes.",
  }),
  example: text.optional().meta({ description: "An obvious fake." }),
  optional: z.boolean().default(false),
  help: text.optional(),
  warn: z.array(shape).default([]).meta({ description: "Shapes that are taken with a warning." }),
  refuse: z.array(shape).default([]).meta({ description: "Shapes that are refused with their own explanation." }),
});

export const entrySchema = z.strictObject({
  code: z.string().regex(/^[A-Z][A-Z0-9_]{1,40}$/),
  display_name: z.string().min(1).max(60),
  category: z.enum(["cloud", "genai", "saas"]),
  credential_type: z.enum([
    "api_key",
    "service_account",
    "role_arn",
    "access_key",
    "service_principal",
    "api_signing_key",
    "none",
  ]),
  aliases: z
    .array(z.string().regex(/^[a-z][a-z0-9_]{1,40}$/))
    .default([])
    .meta({ description: "Other spellings in a path." }),
  family: word.optional().meta({
    description:
      "Entries of one family share this path segment: setup chooses by the credential's shape, the rest by what is configured. The family's first entry falls through to the others.",
  }),
  custom: z.boolean().default(false).meta({
    description: "Not a provider but the pattern of all `custom-{slug}`. At most one entry.",
  }),
  like: z
    .string()
    .regex(/^[A-Z][A-Z0-9_]{1,40}$/)
    .optional()
    .meta({
      description:
        "Code of an entry above, whose metadata, capabilities, pipelines, remedies, reasons, setup_help and cannot_know stand for those that are left out here.",
    }),
  requires: z.array(word).default([]).meta({
    description: "Names of settings that are required here, whatever `metadata` says.",
  }),
  fields: z.array(field).default([]),
  document: z.boolean().default(false).meta({
    description: "The credential is a JSON document: taken as an object, as text and as base64.",
  }),
  recognise: z
    .array(linear)
    .default([])
    .meta({ description: "Shapes that clearly are this provider's keys: offered when pasted elsewhere." }),
  endpoints: z
    .record(word, baseUrl)
    .default({})
    .meta({ description: "Base URLs by name; every HTTP provider has `api`." }),
  probe: z
    .union([
      probeSchema,
      z.strictObject({ protocol: word.meta({ description: "Name of the file in shared/providers that speaks it." }) }),
    ])
    .optional()
    .meta({ description: "Left out by entries of the type none, which have nothing to prove." }),
  examples: z
    .array(
      z.strictObject({
        name: word,
        status: httpStatus,
        headers: z.record(z.string(), z.string()).default({}),
        body: z.unknown(),
        // biome-ignore lint/suspicious/noThenProperty: the registry's grammar says `then`
        then: z.enum(outcomes),
        reason: word.optional(),
        source: text,
      }),
    )
    .default([])
    .meta({
      description: "Recorded answers of an HTTP provider and how each must read; the contract kit replays them.",
    }),
  own_accounts: z
    .array(z.string().regex(/^[a-z0-9-]{3,64}$/))
    .default([])
    .meta({ description: "Accounts of this service's operator, whose credentials are refused." }),
  metadata: z.array(setting).default([]).meta({ description: "Non-sensitive settings that a customer may store." }),
  capabilities: z.array(capability).default([]),
  pipelines: z.array(pipeline).default([]),
  rate_limit: z
    .strictObject({
      requests_per_minute: z.int().positive().default(60),
      retry_after_seconds: z.int().positive().default(60),
    })
    .prefault({})
    .meta({ description: "Per credential, for sweeps." }),
  concurrency: z
    .int()
    .min(1)
    .max(500)
    .default(50)
    .meta({ description: "Requests in flight to this provider per instance." }),
  retry: z
    .strictObject({ max: z.int().min(0).max(3).default(1), backoff_ms: z.int().min(0).max(10_000).default(500) })
    .prefault({}),
  confirm_after_ms: z
    .int()
    .min(0)
    .max(30_000)
    .default(2_000)
    .meta({ description: "Before a VALID credential flips, it is asked again after this." }),
  deadline_ms: z
    .int()
    .min(100)
    .max(30_000)
    .default(15_000)
    .meta({ description: "Wall clock of one check, retry included." }),
  timeout_ms: z
    .int()
    .min(100)
    .max(15_000)
    .default(8_000)
    .meta({ description: "Wall clock of one request, its body included." }),
  revalidate: z.strictObject({ interval_hours: z.int().min(1).max(720).default(24) }).prefault({}),
  cost: z.enum(["free", "billable"]).default("free").meta({ description: "The sweep refuses a billable probe." }),
  remedies: z
    .partialRecord(z.enum(outcomes), remedy)
    .default({})
    .meta({ description: "What a customer should do, by outcome." }),
  reasons: z
    .record(word, remedy)
    .default({})
    .meta({ description: "What a customer should do, by reason; wins over `remedies`." }),
  setup_help: z.array(text).default([]).meta({ description: "Steps to create the least-privileged key." }),
  snippets: z
    .array(snippet)
    .default([])
    .meta({ description: "What the customer installs, rendered per organisation." }),
  cannot_know: z.array(text).default([]).meta({ description: "What no check can tell; said on the provider's page." }),
  docs: z
    .strictObject({ url: z.url(), read: z.iso.date() })
    .optional()
    .meta({ description: "Page this entry was read from, and when." }),
  data_tables: z.record(word, z.string()).optional(),
  seed_path: z.string().optional(),
});

export const registrySchema = z.strictObject({ providers: z.array(entrySchema).min(1) });

/** What an entry takes over from the one that it is `like`, where it leaves it out. */
export const takenOver = [
  "metadata",
  "capabilities",
  "pipelines",
  "remedies",
  "reasons",
  "setup_help",
  "cannot_know",
] as const satisfies ReadonlyArray<keyof Entry>;

/** One provider as the registry describes it, defaults filled in. */
export type Entry = z.infer<typeof entrySchema>;
export type ProbeRules = z.infer<typeof probeSchema>;
export type Field = Entry["fields"][number];
export type Setting = Entry["metadata"][number];
export type Probe = NonNullable<Entry["probe"]>;
export type Rule = z.infer<typeof rule>;
export type Condition = z.infer<typeof condition>;
