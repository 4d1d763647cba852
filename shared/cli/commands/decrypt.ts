import { readinessLines } from "../answers.ts";
import { orgArgument, providerArgument } from "../arguments.ts";
import type { Command } from "../command.ts";
import { ask } from "../http-client.ts";
import { at, membersAt, textAt } from "../read.ts";
import { type Cell, moment, pairs, statusCell } from "../show.ts";
import { exits } from "../stop.ts";
import { harmlessJson, plain, type Terminal } from "../terminal.ts";
import { targetOf } from "./change.ts";

export const decrypt: Command = {
  name: "decrypt",
  group: "integrations",
  summary: "Read a credential as a pipeline does, with INTEGRATIONS_TOKEN",
  arguments: [orgArgument, providerArgument],
  options: {
    pipeline: {
      value: "<id>",
      help: "The pipeline it is for, such as genai.payg_usage",
      required: true,
      check: (text) => (/^[a-z][a-z0-9_.]{2,80}$/.test(text) ? null : "must be a pipeline's id"),
    },
    "run-id": {
      value: "<id>",
      help: "The run it is for; goes to the audit log",
      required: true,
      opaque: true,
      check: (text) =>
        /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$/.test(text) ? null : "must be 1-128 letters, digits and . _ : -",
    },
    as: {
      value: "secret|token|none",
      help: "The secret, a short-lived stand-in, or everything but",
      choices: ["secret", "token", "none"],
    },
    reveal: { help: "Show the secret on a terminal" },
  },
  example: "cloudact-integrations decrypt acme openai --pipeline genai.payg_usage --run-id try-1 > answer.json",
  notes: [
    "Into a pipe or a file, and with --json, the answer is the server's JSON with the secret in it.",
    "On a terminal the secret stays hidden behind its fingerprint unless --reveal is given.",
  ],
  async run(context) {
    const { given, terminal, json } = context;
    const answer = await ask(context, {
      method: "POST",
      path: `${targetOf(context).path}/decrypt`,
      body: {
        pipeline: given.text("pipeline"),
        run_id: given.text("run-id"),
        ...(given.text("as") === null ? {} : { as: given.text("as") }),
      },
      as: "pipeline",
    });
    const shown = view({ json, stdoutIsTty: terminal.stdoutIsTty, reveal: given.flag("reveal") });
    terminal.print(
      shown === "json" ? harmlessJson(answer.text) : text(terminal, answer.body, { revealed: shown === "revealed" }),
    );
    return exits.ok;
  },
};

/** How a decrypted credential is shown: for programs as it came, for eyes hidden unless they ask. */
export function view(asked: { json: boolean; stdoutIsTty: boolean; reveal: boolean }): "json" | "revealed" | "hidden" {
  if (asked.json || !asked.stdoutIsTty) return "json";
  return asked.reveal ? "revealed" : "hidden";
}

/** The answer for eyes. */
export function text(terminal: Terminal, body: unknown, options: { revealed: boolean }): string {
  const isOpen = ([name]: [string, unknown]) => name === "type" || name === "expires_at";
  const token = membersAt(body, "token");
  const secrets = [...membersAt(body, "credential"), ...token.filter((one) => !isOpen(one))];
  const fields = secrets.map(([name, value]): [string, Cell] => {
    if (options.revealed) return [name, typeof value === "string" ? plain(value) : JSON.stringify(value)];
    const trace = token.length > 0 ? "" : `, fingerprint ${textAt(body, "fingerprint")}`;
    return [name, { text: `hidden${trace}; --reveal shows it`, tone: "faint" }];
  });
  const rows: Array<[string, Cell]> = [
    ["provider", textAt(body, "provider")],
    ["credential id", textAt(body, "credential_id")],
    ["type", textAt(body, "credential_type")],
    ["status", statusCell(textAt(body, "validation_status"))],
    ["fingerprint", textAt(body, "fingerprint")],
    ["key version", textAt(body, "key_version")],
    ["last validated", moment(at(body, "last_validated_at"))],
    ["expires", moment(at(body, "expires_at"))],
    ["cache", textAt(body, "cache")],
    ...(token.length > 0 ? [["token expires", moment(at(body, "token", "expires_at"))] satisfies [string, Cell]] : []),
    ...fields,
  ];
  return [pairs(terminal, rows), ...readinessLines(terminal, body)].join("\n");
}
