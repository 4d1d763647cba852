import type { RewrapReport, VersionReport } from "../../operations/rewrap-report.ts";
import { audited, onBackend } from "../backend.ts";
import type { Command } from "../command.ts";
import { progressBar } from "../progress.ts";
import { type Cell, table } from "../show.ts";
import { exits } from "../stop.ts";
import type { Terminal } from "../terminal.ts";

export const runRewrap: Command = {
  name: "rewrap",
  group: "operations",
  summary: "Seal every credential with the newest key version, so that older ones can be destroyed",
  arguments: [],
  options: { "dry-run": { help: "Open everything that another key version sealed and change nothing" } },
  example: "cloudact-integrations rewrap --dry-run",
  notes: [
    "After a rotation the older key versions go on opening what they sealed. This moves it, one credential after the",
    "other, while the service runs; a change by somebody else always wins. Cut off, it goes on by being run again.",
    "What it cannot open (a version that is disabled or destroyed, Cloud KMS that does not answer) or read is named, and",
    "it ends with 4.",
    "Wait three hours after a rotation before an older version is disabled or destroyed: until then Cloud KMS may seal",
    "with it. Rows that migrate has not taken over yet are unknown here: the key named there as --old-key still opens them.",
  ],
  async run(context) {
    const { given, terminal, json } = context;
    const dryRun = given.flag("dry-run");
    const { rewrap } = await import("../../operations/rewrap.ts");
    return await onBackend(context, async (backend) => {
      const { parts, operator } = backend;
      const progress = progressBar(terminal, dryRun ? "opened" : "sealed anew");
      const works = {
        ...parts,
        log: (...line: Parameters<typeof parts.log>) => progress.above(() => parts.log(...line)),
      };
      const request = { requestId: crypto.randomUUID(), actor: `operator:${operator}`, dryRun };
      const act = { operation: dryRun ? "rewrap.dry_run" : "rewrap.run", orgs: [], target: null };
      const report = await audited(backend, act, () => rewrap(works, request, progress.advance)).finally(progress.end);
      if (json) terminal.print(JSON.stringify(report));
      else show(terminal, report);
      return report.unmoved.length > 0 ? exits.unavailable : exits.ok;
    });
  },
};

function show(terminal: Terminal, report: RewrapReport): void {
  const { unmoved, versions, key_version: primary } = report;
  const head = ["key version", "current", "to be purged", "was current", "state"];
  terminal.print(table(terminal, head, versions.map(versionRow)));
  if (unmoved.length > 0) {
    const rows = unmoved.map((one): Cell[] => [
      one.org_slug,
      one.provider,
      one.credential_id ?? "-",
      one.fingerprint ?? "-",
      one.key_version ?? "-",
      { text: one.code === "key_unavailable" && one.transient ? `${one.code}, no answer` : one.code, tone: "bad" },
    ]);
    terminal.print("");
    terminal.print(
      table(terminal, ["organisation", "provider", "credential id", "fingerprint", "sealed with", "why not"], rows),
    );
  }
  terminal.print("");
  terminal.print(
    report.dry_run
      ? `${report.would_move} would be sealed anew with version ${primary}. Nothing was changed.`
      : `${report.moved} sealed anew with version ${primary}.`,
  );
  for (const line of nextSteps(report)) terminal.note(line);
}

function versionRow({ key_version, before, after, state }: VersionReport): Cell[] {
  const tones = { primary: "good", in_use: "warn", superseded: "faint", empty: "faint" } as const;
  return [
    key_version ?? "unknown",
    String(after.current),
    String(after.other),
    String(before.current),
    { text: state.replace("_", " "), tone: tones[state] },
  ];
}

/** What an operator does with the result, a sentence each. */
export function nextSteps(report: RewrapReport): string[] {
  const { unmoved, versions, may_be_destroyed, dry_run, overtaken } = report;
  const has = (code: string) => unmoved.some((one) => one.code === code);
  const closed = unmoved.filter(({ code }) => code === "key_unavailable");
  const unanswered = closed.filter(({ transient }) => transient).length;
  const superseded = versions.filter(({ state }) => state === "superseded").map(({ key_version }) => key_version);
  const names = (list: ReadonlyArray<string | null>) => list.map((one) => one ?? "unknown").join(", ");
  return [
    ...(overtaken > 0 ? [`${overtaken} were changed by somebody else meanwhile; theirs stands.`] : []),
    ...(unanswered > 0 ? [`Cloud KMS did not answer for ${unanswered}: run this again.`] : []),
    ...(closed.length > unanswered
      ? [
          "What a disabled version sealed opens again once that version is enabled: enable it and run this again.",
          "What a destroyed version sealed is lost: ask those organisations to set the provider up again.",
          "Where the version is neither, this account lacks the right to open: roles/cloudkms.cryptoKeyDecrypter on the key.",
        ]
      : []),
    ...(has("integrity")
      ? ["What failed its integrity checks is not what was stored; see the log and the audit log."]
      : []),
    ...(has("store_unavailable") || has("conflict") ? ["Some could not be moved just now: run this again."] : []),
    ...(has("key_version_unchanged")
      ? [
          `Cloud KMS seals with an older version than ${report.key_version}: wait three hours after the rotation and run this again; if an older version was made primary on purpose, make a new version instead.`,
        ]
      : []),
    ...(superseded.length > 0 && !dry_run
      ? [
          `Only superseded ciphertext is left under ${names(superseded)}: a sweep purges it 24 hours after it was superseded. Run this again then, and destroy no version before.`,
        ]
      : []),
    ...(may_be_destroyed.length > 0
      ? [
          `Nothing is left under ${names(may_be_destroyed)}: three hours after the rotation disable what is not destroyed yet, destroy it a day later. Backups of the store from before need it.`,
        ]
      : []),
  ];
}
