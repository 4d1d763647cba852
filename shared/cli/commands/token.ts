import { audited, onBackend } from "../backend.ts";
import type { Command } from "../command.ts";
import { exits, Stop } from "../stop.ts";
import { subjectCheck } from "./grant.ts";

export const issueToken: Command = {
  name: "token",
  group: "access",
  summary: "Make an identity token for a local pipeline; it alone goes to stdout",
  arguments: [],
  options: {
    subject: { value: "<sub>", help: "The pipeline, or scheduler", required: true, check: subjectCheck },
  },
  example: "export INTEGRATIONS_TOKEN=$(cloudact-integrations token --subject cost-pipeline)",
  notes: ["For local running only: on Google Cloud the platform signs the tokens."],
  async run(context) {
    const { given, terminal, json } = context;
    const subject = given.text("subject") ?? "";
    return await onBackend(context, async (backend) => {
      const { openIssuer } = await import("../../../functions/parts.ts");
      const issuer = await openIssuer(backend.parts);
      if (issuer === null)
        throw new Stop(exits.usage, {
          message: "On Google Cloud the platform signs identity tokens; this command is for local running",
          code: "token_not_local",
          remedy: "gcloud auth print-identity-token --audiences=<OIDC_AUDIENCE> makes one for an account",
        });
      const token = await audited(backend, { operation: "token.issue", orgs: [], target: subject }, () =>
        issuer.issue(subject),
      );
      terminal.print(json ? JSON.stringify({ subject, token }) : token);
      terminal.note(`A token for ${subject}, valid for an hour. It opens only what grants let ${subject} read.`);
      return exits.ok;
    });
  },
};
