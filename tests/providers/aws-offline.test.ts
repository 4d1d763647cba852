import { describe, expect, test } from "vitest";
import { Fault } from "../../shared/contract/fault.ts";
import { accountOf } from "../../shared/providers/aws/account.ts";
import { awsKeys } from "../../shared/providers/aws-keys.ts";
import { awsRole } from "../../shared/providers/aws-role.ts";
import { checkCredential, type Wrong } from "../../shared/registry/check.ts";
import type { Entry } from "../../shared/registry/entry.ts";
import { chooseByShape } from "../../shared/registry/family.ts";
import { entryOf, registry } from "../registry/the-registry.ts";
import { keyIdOf, secretOf } from "../simulators/clouds/aws-keys.ts";
import { type AwsCode, simulatedAws } from "./aws-desk.ts";

const ROLE = "arn:aws:iam::111122223333:role/CloudActCostReader";
const ID = keyIdOf("good");
const SECRET = secretOf(ID);

/** How a credential is refused before anybody is asked; `null` where it is not. */
function refusalOf(
  code: AwsCode,
  fields: unknown,
  { metadata = {}, entry = {} }: { metadata?: Record<string, unknown>; entry?: Partial<Entry> } = {},
): { fields: string[]; reason: string | undefined; remedy: string | undefined; text: string } | null {
  const whole = { ...entryOf(code), ...entry };
  try {
    const { credential } = checkCredential(registry, whole, fields);
    const provider = code === "AWS_IAM" ? awsRole : awsKeys;
    const wrong: Wrong[] = provider.inspect?.(credential, { entry: whole, metadata }) ?? [];
    const [first] = wrong;
    if (first === undefined) return null;
    const text = JSON.stringify(wrong);
    return {
      fields: wrong.map(({ field }) => `/credential/${field}`),
      reason: first.reason,
      remedy: first.remedy,
      text,
    };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const { errors = [], reason, remedy } = error.details;
    return {
      fields: errors.map(({ field }) => field),
      reason,
      remedy,
      text: JSON.stringify([error.message, error.details]),
    };
  }
}

describe("a role's ARN is taken", () => {
  test.each([
    ROLE,
    `  "${ROLE}"\n`,
    "arn:aws:iam::111122223333:role/finops/costs/CloudAct+Cost=Reader,v1.0@x-y_z",
    `arn:aws:iam::111122223333:role/${"n".repeat(64)}`,
    `arn:aws:iam::111122223333:role/${"p/".repeat(255)}${"n".repeat(64)}`,
  ])("%s", (role_arn) => {
    expect(refusalOf("AWS_IAM", { role_arn })).toBeNull();
    expect(refusalOf("AWS_IAM", role_arn)).toBeNull();
  });
});

describe("in the place of a role's ARN, with the field and what to do, is refused", () => {
  const not = "arn:aws:iam::111122223333";
  test.each([
    ["a session", "arn:aws:sts::111122223333:assumed-role/CloudActCostReader/somebody", "session_arn", /IAM → Roles/],
    ["a federated user", "arn:aws:sts::111122223333:federated-user/bob", "session_arn", /IAM → Roles/],
    ["the root user", `${not}:root`, "not_a_role", /IAM → Roles/],
    ["a user", `${not}:user/CloudAct`, "not_a_role", /IAM → Roles/],
    ["a group", `${not}:group/CloudAct`, "not_a_role", /IAM → Roles/],
    ["a policy", `${not}:policy/CloudAct`, "not_a_role", /IAM → Roles/],
    ["an instance profile", `${not}:instance-profile/CloudAct`, "not_a_role", /IAM → Roles/],
    ["a provider", `${not}:oidc-provider/accounts.google.com`, "not_a_role", /IAM → Roles/],
    ["something that begins like a role", `${not}:roles/CloudAct`, "not_a_role", /IAM → Roles/],
    ["a bucket", "arn:aws:s3:::example-bucket", "not_a_role", /IAM → Roles/],
    ["a key", "arn:aws:kms:us-east-1:111122223333:key/0-1", "not_a_role", /IAM → Roles/],
    ["a service with a name like IAM", "arn:aws:iamx::111122223333:role/x", "not_a_role", /IAM → Roles/],
    ["an account", "111122223333", "not_a_role", /IAM → Roles/],
    ["AWS China's", "arn:aws-cn:iam::111122223333:role/x", "other_partition", /not supported/],
    ["GovCloud's", "arn:aws-us-gov:iam::111122223333:role/x", "other_partition", /not supported/],
    ["the European cloud's", "arn:aws-eusc:iam::111122223333:role/x", "other_partition", /not supported/],
    ["GovCloud's session", "arn:aws-us-gov:sts::111122223333:assumed-role/x/y", "other_partition", /not supported/],
    [
      "a service-linked role",
      `${not}:role/aws-service-role/billing.amazonaws.com/AWSServiceRoleForBilling`,
      "service_linked_role",
      /role of its own/,
    ],
    ["an access key ID", ID, "key_instead_of_role", /access_key_id/],
    ["a temporary access key ID", `ASIA${ID.slice(4)}`, "key_instead_of_role", /access_key_id/],
    ["a role without a name", "arn:aws:iam::999900001111:role/", undefined, /paste it whole/],
    ["a path without a name", `${not}:role/finops/`, "not_a_role", /summary/],
    ["a name of 65 characters", `${not}:role/${"n".repeat(65)}`, "not_a_role", /summary/],
    ["a path of 513 characters", `${not}:role/${"p".repeat(511)}/n`, "not_a_role", /summary/],
    ["a name with other characters", `${not}:role/a:b`, "not_a_role", /summary/],
    ["an account of eleven digits", "arn:aws:iam::11112222333:role/x", undefined, /paste it whole/],
    ["an ARN with a region", "arn:aws:iam:us-east-1:111122223333:role/x", undefined, /paste it whole/],
    ["capitals", ROLE.toUpperCase(), undefined, /paste it whole/],
    ["two ARNs", `${ROLE} ${ROLE}`, undefined, /paste it whole/],
    ["a URL behind it", `${ROLE}\r\nHost: evil.example`, undefined, /paste it whole/],
  ])("%s", (_, role_arn, reason, remedy) => {
    const refused = refusalOf("AWS_IAM", { role_arn });
    expect(refused).toMatchObject({ fields: ["/credential/role_arn"], remedy: expect.stringMatching(remedy) });
    expect(refused?.reason).toBe(reason);
    expect(refused?.text).not.toContain(role_arn);
  });
});

describe("access keys are taken", () => {
  test.each([
    [ID, SECRET],
    ["AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"],
    ["AKIA0189018901890189", SECRET],
  ])("%s", (access_key_id, secret_access_key) => {
    expect(refusalOf("AWS_KEYS", { access_key_id, secret_access_key })).toBeNull();
  });
});

describe("in the place of access keys, with the field and what to do, is refused", () => {
  const id = "/credential/access_key_id";
  const secret = "/credential/secret_access_key";
  test.each<[string, Record<string, string>, string[], string | undefined, RegExp]>([
    ["a temporary key", { access_key_id: `ASIA${ID.slice(4)}` }, [id], "temporary_key", /role/],
    ...["AIDA", "AROA", "AGPA", "ANPA", "AIPA", "ASCA", "APKA", "ABIA", "ACCA"].map(
      (prefix): [string, Record<string, string>, string[], string, RegExp] => [
        `an id that begins with ${prefix}`,
        { access_key_id: `${prefix}${ID.slice(4)}` },
        [id],
        "not_an_access_key",
        /AKIA/,
      ],
    ),
    ["an ARN", { access_key_id: ROLE }, [id], "role_instead_of_key", /aws_iam/],
    ["a key of 19 characters", { access_key_id: ID.slice(0, -1) }, [id], undefined, /paste it whole/],
    ["a key of 21 characters", { access_key_id: `${ID}A` }, [id], undefined, /paste it whole/],
    ["a key in small letters", { access_key_id: ID.toLowerCase() }, [id], undefined, /paste it whole/],
    ["a secret of 39 characters", { secret_access_key: SECRET.slice(1) }, [secret], undefined, /EXAMPLEKEY/],
    ["a secret of 41 characters", { secret_access_key: `${SECRET}A` }, [secret], undefined, /EXAMPLEKEY/],
    ["a secret of another alphabet", { secret_access_key: `${SECRET.slice(1)}_` }, [secret], undefined, /EXAMPLEKEY/],
    [
      "a secret with a newline in it",
      { secret_access_key: `${SECRET.slice(0, 20)}\n${SECRET.slice(21)}` },
      [secret],
      undefined,
      /EXAMPLEKEY/,
    ],
    [
      "one in the other's place",
      { access_key_id: SECRET, secret_access_key: ID },
      [id, secret],
      "fields_swapped",
      /other's place/,
    ],
    ["the id in both", { secret_access_key: ID }, [secret], "fields_swapped", /other's place/],
  ])("%s", (_, wrong, fields, reason, remedy) => {
    const refused = refusalOf("AWS_KEYS", { access_key_id: ID, secret_access_key: SECRET, ...wrong });
    expect(refused).toMatchObject({ fields, remedy: expect.stringMatching(remedy) });
    expect(refused?.reason).toBe(reason);
    for (const value of Object.values(wrong)) expect(refused?.text).not.toContain(value.trim());
  });
  test("a session token beside them", () => {
    const refused = refusalOf("AWS_KEYS", { access_key_id: ID, secret_access_key: SECRET, session_token: "x" });
    expect(refused?.fields).toEqual(["/credential"]);
  });
});

describe("an access key id tells its account", () => {
  test.each([
    ["ASIAY34FZKBOKMUTVV7A", "609629065308"],
    ["ASIAQNZGKIQY56JQ7WML", "029608264753"],
  ])("%s → %s, as published", (keyId, account) => {
    expect(accountOf(keyId)).toBe(account);
  });
  test.each(["000000000000", "000000000001", "111122223333", "999999999999", "549755813887", "687194767360"])(
    "%s, there and back",
    (account) => {
      expect(accountOf(keyIdOf("WORD", account))).toBe(account);
      expect(accountOf(keyIdOf("ZZZZZZZ", account))).toBe(account);
    },
  );
  test.each([
    ["an older one", "AKIAIOSFODNN7EXAMPLE"],
    ["another older one", "AKIAJOSFODNN7EXAMPLE"],
    ["one that cannot be told from an older one", keyIdOf("WORD", "549755813888")],
    ["one outside of base32", "AKIA0189018901890189"],
    ["one beyond twelve digits", "AKIA7777777777777777"],
    ["a short one", "AKIAQNZG"],
    ["none", ""],
  ])("%s does not", (_, keyId) => {
    expect(accountOf(keyId)).toBeNull();
  });
});

describe("the account is held against", () => {
  const keys = { access_key_id: ID, secret_access_key: SECRET };
  test.each<[AwsCode, Record<string, string>, string]>([
    ["AWS_IAM", { role_arn: ROLE }, "role_arn"],
    ["AWS_KEYS", keys, "access_key_id"],
  ])("what is stated and what is ours: %s", (code, fields, field) => {
    expect(refusalOf(code, fields, { metadata: { account_id: "111122223333" } })).toBeNull();
    expect(refusalOf(code, fields, { metadata: { account_id: "999999999999" } })).toMatchObject({
      fields: [`/credential/${field}`],
      reason: "account_mismatch",
      remedy: expect.stringMatching(/account_id/),
    });
    const own = refusalOf(code, fields, { entry: { own_accounts: ["222233334444", "111122223333"] } });
    expect(own).toMatchObject({
      fields: [`/credential/${field}`],
      reason: "own_account",
      remedy: expect.stringMatching(/your own account/),
    });
    expect(own?.text).not.toContain("111122223333");
  });
  test("nothing where the key does not tell", () => {
    const older = { access_key_id: "AKIAIOSFODNN7EXAMPLE", secret_access_key: SECRET };
    expect(refusalOf("AWS_KEYS", older, { metadata: { account_id: "999999999999" } })).toBeNull();
  });
});

describe("the path aws leaves open which is meant, and the shape decides", () => {
  const members = registry.familyOf("aws");
  test.each([
    [{ credential: { role_arn: ROLE } }, "AWS_IAM"],
    [{ credential: ROLE }, "AWS_IAM"],
    [{ credential: { access_key_id: ID, secret_access_key: SECRET } }, "AWS_KEYS"],
  ])("%o", (body, code) => {
    expect(chooseByShape(members, body).code).toBe(code);
  });
  test("in this order, the role first", () => {
    expect(members.map(({ code }) => code)).toEqual(["AWS_IAM", "AWS_KEYS"]);
    expect(registry.familyOf("aws_iam").map(({ code }) => code)).toEqual(["AWS_IAM", "AWS_KEYS"]);
    expect(registry.familyOf("aws_keys")).toEqual([]);
  });
});

test("no setting decides where anything is sent, and every reason that can be given has its text", () => {
  for (const code of ["AWS_IAM", "AWS_KEYS"] as const) {
    const entry = entryOf(code);
    expect(entry.metadata.map(({ name }) => name)).toEqual(["account_id", "export_name"]);
    expect(entry.endpoints).toEqual({
      sts: "https://sts.us-east-1.amazonaws.com",
      iam: "https://iam.amazonaws.com",
      exports: "https://bcm-data-exports.us-east-1.amazonaws.com",
    });
    for (const { reads } of simulatedAws[code].answers)
      if (reads?.reason && !["unavailable", "unexpected_response"].includes(reads.reason))
        expect(Object.keys(entry.reasons)).toContain(reads.reason);
  }
});
