import { PREFIX } from "../../contract/names.ts";
import { type CallerKind, routes } from "../../contract/routes.ts";
import type { Command } from "../command.ts";
import { type Cell, table } from "../show.ts";
import { exits } from "../stop.ts";
import type { Terminal } from "../terminal.ts";

const callers: Readonly<Record<CallerKind, string>> = {
  anyone: "anyone",
  read: "organisation key (read)",
  manage: "organisation key (manage)",
  pipeline: "pipeline with a grant",
  scheduler: "Scheduler",
};

export const showArchitecture: Command = {
  name: "architecture",
  group: "operations",
  summary: "How it all fits together: functions, rights, storage, keys, callers",
  arguments: [],
  options: {},
  example: "cloudact-integrations architecture",
  async run({ terminal, json }) {
    const { allRights } = await import("../../../functions/rights.ts");
    const functions = Object.entries(allRights()).map(([name, { key, tables, secrets, aws, egress }]) => {
      const own = routes.filter(({ fn }) => fn === name);
      return {
        name,
        service_account: `int-${name}`,
        key,
        tables,
        secrets,
        aws,
        egress,
        callers: [...new Set(own.map(({ caller }) => callers[caller]))],
        routes: own.map(({ method, path, summary }) => ({ method, path: PREFIX + path, summary })),
      };
    });
    if (json) terminal.print(JSON.stringify({ functions }));
    else terminal.print(picture(terminal, functions));
    return exits.ok;
  },
};

interface Row {
  name: string;
  key: string;
  tables: Readonly<Record<string, string>>;
  callers: string[];
  routes: Array<{ method: string; path: string; summary: string }>;
}

/** `change heads; append versions; read org_keys`: the tables by what may be done with them. */
function storeOf(tables: Row["tables"]): string {
  return ["change", "append", "read"]
    .map((right) => [right, Object.keys(tables).filter((table) => tables[table] === right)] as const)
    .filter(([, names]) => names.length > 0)
    .map(([right, names]) => `${right} ${names.join(", ")}`)
    .join("; ");
}

function picture(terminal: Terminal, functions: readonly Row[]): string {
  const title = (text: string): string => `\n${terminal.tone("strong", text)}`;
  const used = functions.map((fn): Cell[] => [
    { text: fn.name, tone: "strong" },
    { text: fn.key, tone: fn.key === "none" ? "faint" : fn.key === "decrypt" ? "warn" : "good" },
    storeOf(fn.tables),
    fn.callers.join(", "),
  ]);
  const ways = functions.flatMap((fn) =>
    fn.routes.map(({ method, path, summary }): Cell[] => [
      method,
      path.slice(PREFIX.length),
      { text: fn.name, tone: "strong" },
      summary,
    ]),
  );
  return [
    terminal.tone("strong", "cloudact-integrations"),
    "Takes the keys to an organisation's cloud and AI accounts, proves that they work, keeps them encrypted,",
    "watches that they keep working, and hands them to its cost pipelines and to nobody else.",
    "",
    ...drawing(functions),
    title("What happens to a key that is handed in"),
    "  1 format       repaired once, checked offline against the provider's registry entry",
    "  2 connection   asked at its provider; only a definite answer counts",
    "  3 encrypt      bound to organisation, provider, credential and settings",
    "  4 store        appended, made current by one compare-and-set; the old one stays active until then",
    "  Nothing is stored, and the key is not used, unless 1 and 2 pass.",
    title("Functions: each its own deployment, its own service account (int-<name>)"),
    indented(table(terminal, ["function", "key", "store", "callers"], used)),
    title(`Routes, under ${PREFIX}`),
    indented(table(terminal, ["method", "path", "function", "what it does"], ways)),
    title("Storage"),
    "  heads             current state of a provider in an organisation, without ciphertext",
    "  versions          every change, append-only, with ciphertext until it is purged",
    "  validations       every check, append-only",
    "  org_keys          organisations' API keys, as HMACs only",
    "  decrypt_grants    which pipeline may read what, until when",
    "  audit log         every operation, allowed or denied, written before an answer leaves",
    title("Where it runs"),
    "  local             one SQLite file, a key ring, a pepper and audit.jsonl in INTEGRATIONS_HOME (.integrations/)",
    "  Google Cloud      Cloud Run functions, BigQuery, Cloud KMS, Secret Manager, Cloud Logging",
    title("Who may do what"),
    "  organisation key  manages its own organisation (manage) or looks at it (read); never decrypts",
    "  pipeline          decrypts what an unexpired grant names; never manages",
    "  Scheduler         starts the check of what is due",
    "  operator          makes keys and grants with this tool; every act is audited",
  ].join("\n");
}

/** Who calls what, and what that reaches: a box for each kind of caller. */
function drawing(functions: readonly Row[]): string[] {
  const reached = (word: string) => functions.filter((fn) => fn.callers.some((caller) => caller.startsWith(word)));
  const boxes = [
    { caller: "frontend", proof: "X-API-Key", below: "proves keys at providers", rows: reached("organisation key") },
    { caller: "pipelines", proof: "ID token + grant", below: "hands keys out", rows: reached("pipeline") },
    { caller: "Scheduler", proof: "ID token", below: "asks providers again", rows: reached("Scheduler") },
  ].map(({ caller, proof, below, rows }) => {
    const lines = [...new Set(rows.map(({ key }) => key))].map((key) => {
      const names = rows.filter((row) => row.key === key).map(({ name }) => name);
      return `${names.join(" ")}${key === "none" ? ": never the key" : `: may ${key}`}`;
    });
    return { caller, proof, below, lines };
  });
  const tallest = Math.max(...boxes.map(({ lines }) => lines.length));
  const columns = boxes.map(({ caller, proof, below, lines }) => {
    const inner = Math.max(...lines.map((text) => text.length), below.length, proof.length + 4);
    const boxed = Array.from({ length: tallest }, (_, row) => `│ ${(lines[row] ?? "").padEnd(inner)} │`);
    return [
      `  ${caller}`.padEnd(inner + 4),
      `   │ ${proof}`.padEnd(inner + 4),
      "   ▼".padEnd(inner + 4),
      `┌${"─".repeat(inner + 2)}┐`,
      ...boxed,
      `└──┬${"─".repeat(inner - 1)}┘`,
      `   │ ${below}`.padEnd(inner + 4),
      "   ▼".padEnd(inner + 4),
    ];
  });
  const height = columns[0]?.length ?? 0;
  const rows = Array.from({ length: height }, (_, row) =>
    `  ${columns.map((column) => column[row]).join("  ")}`.trimEnd(),
  );
  const wide =
    columns.map((column) => column[3]?.length ?? 0).reduce((sum, one) => sum + one, 0) + 2 * columns.length - 6;
  const floor = (text: string) => `  │ ${text.padEnd(wide)} │`;
  return [
    ...rows,
    `  ┌${"─".repeat(wide + 2)}┐`,
    floor("store      heads, versions with ciphertext, validations, org_keys, decrypt_grants"),
    floor("key        AES-256-GCM, in versions; binds ciphertext to organisation and provider"),
    floor("audit log  every operation, allowed or denied, written before the answer leaves"),
    `  └${"─".repeat(wide + 2)}┘`,
  ];
}

function indented(text: string): string {
  return text
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n");
}
