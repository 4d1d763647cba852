import type { Entry } from "../../shared/registry/entry.ts";
import { code, page, table } from "./markdown.ts";
import { entryProse, tellsExpiry } from "./words.ts";

/** What each status means at this provider, and what to do about every reason that it may come with. */
export function verdicts(entry: Entry): string {
  const { rate_limited, unreachable, service_misconfigured } = entry.remedies;
  const open = [
    ["`rate_limited`", rate_limited, "Wait; it is asked again by itself."],
    ["`unreachable`", unreachable, "Nothing is known against the credential; it is asked again by itself."],
    [
      "`service_misconfigured`",
      service_misconfigured,
      "A fault of this service, not of the credential. Tell its operator.",
    ],
  ].map(([outcome = "", remedy, otherwise = ""]) => [outcome, remedy ? entryProse(entry, remedy) : otherwise]);
  const reasons = Object.entries(entry.reasons).map(([reason, remedy]) => [code(reason), entryProse(entry, remedy)]);
  const common = "[those that any provider can have](README.md#reasons-that-any-provider-can-have)";
  return page(
    table(["Status", "What it means", "What to do"], statuses(entry)),
    "Outages, limits and faults of ours leave the status as it is. Then the outcome of the check says what happened:",
    table(["Outcome", "What to do"], open),
    reasons.length > 0
      ? `An answer may name a reason: one of ${common}, or one of these:`
      : `An answer may name a reason: ${common}.`,
    reasons.length > 0 ? table(["Reason", "What to do"], reasons) : "",
  ).trimEnd();
}

function statuses(entry: Entry): string[][] {
  const name = entry.display_name;
  const { rejected, expired, forbidden } = entry.remedies;
  const isPicky = entry.capabilities.some((one) => one.required);
  return [
    [
      "`VALID`",
      `${name} has accepted the credential. Look at ${code("pipelines")} for what it is good for.`,
      "Nothing, where the pipelines that you want are ready.",
    ],
    [
      "`INVALID`",
      `${name} has refused the credential, or does not let it be used${isPicky ? ", or a required capability is denied" : ""}.`,
      [
        rejected ? entryProse(entry, rejected) : `Create a new credential at ${name} and set it up again.`,
        ...(forbidden ? [entryProse(entry, forbidden)] : []),
      ].join(" "),
    ],
    tellsExpiry(entry)
      ? [
          "`EXPIRED`",
          `${name} has said that the credential has expired.`,
          expired ? entryProse(entry, expired) : `Create a new credential at ${name} and rotate to it.`,
        ]
      : ["`EXPIRED`", `${name} does not tell an expired credential from a refused one: look under INVALID.`, "-"],
    ["`PENDING`", `Stored and not proven yet, as with ${code("skip_validation")}.`, "Validate it."],
  ];
}
