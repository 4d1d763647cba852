import { describe, expect, test } from "vitest";
import { parse, type ScalarTag } from "yaml";
import { valuesFor } from "../../shared/registry/render.ts";
import { entryOf } from "../registry/the-registry.ts";

const identity = { project: "cloudact-prod", subject: "108000002380243782158" };
const role = valuesFor(entryOf("AWS_IAM"), "acme", identity);
const keys = valuesFor(entryOf("AWS_KEYS"), "acme", identity);

const trust = JSON.parse(role["trust_policy"] ?? "");
const permissions = JSON.parse(role["permission_policy"] ?? "");
const exported = JSON.parse(role["export_policy"] ?? "");

/** CloudFormation's own tags, kept as what they say. */
const tags: ScalarTag[] = ["Ref", "Sub", "GetAtt"].map((name) => ({
  tag: `!${name}`,
  resolve: (text: string) => `${name} ${text}`,
}));
const sequences = ["Not", "Equals"].map((name) => ({ tag: `!${name}`, collection: "seq" as const }));

describe("what a customer installs", () => {
  test("trusts Google's own principal, our identity by its number, and this organisation's audience", () => {
    expect(trust).toEqual({
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Principal: { Federated: "accounts.google.com" },
          Action: "sts:AssumeRoleWithWebIdentity",
          Condition: {
            StringEquals: {
              "accounts.google.com:aud": "108000002380243782158",
              "accounts.google.com:sub": "108000002380243782158",
              "accounts.google.com:oaud": "cloudact-integrations:cloudact-prod:acme",
            },
          },
        },
      ],
    });
  });

  test("allows reading of costs, and of itself", () => {
    const [costs, itself] = permissions.Statement;
    expect(costs).toMatchObject({ Effect: "Allow", Resource: "*" });
    expect(costs.Action).toEqual([
      "ce:Get*",
      "cur:DescribeReportDefinitions",
      "bcm-data-exports:ListExports",
      "bcm-data-exports:GetExport",
    ]);
    expect(itself).toMatchObject({
      Action: "iam:SimulatePrincipalPolicy",
      Resource: "arn:aws:iam::*:role/CloudActCostReader",
    });
    expect(permissions.Statement).toHaveLength(2);
    expect(exported.Statement[0].Resource).toEqual(["arn:aws:s3:::EXPORT-BUCKET", "arn:aws:s3:::EXPORT-BUCKET/*"]);
  });

  test("covers what pipelines' sessions may do", () => {
    const allowed = [...permissions.Statement, ...exported.Statement].flatMap(({ Action }) => Action);
    for (const code of ["AWS_IAM", "AWS_KEYS"])
      for (const { session_actions } of entryOf(code).pipelines)
        expect(session_actions.filter((action) => !allowed.includes(action))).toEqual([]);
  });

  test("is the same as a CloudFormation template", () => {
    const template = parse(role["cloudformation"] ?? "", { customTags: [...tags, ...sequences] });
    const { CloudActCostReader, ReadCosts, ReadCostExport } = template.Resources;
    expect(CloudActCostReader.Type).toBe("AWS::IAM::Role");
    expect(CloudActCostReader.Properties.RoleName).toBe("CloudActCostReader");
    expect(CloudActCostReader.Properties.AssumeRolePolicyDocument).toEqual(trust);
    expect(ReadCosts.Properties.PolicyDocument).toEqual(permissions);
    expect(ReadCosts.Properties.RoleName).toBe("Ref CloudActCostReader");
    expect(ReadCostExport.Condition).toBe("HasExportBucket");
    const written = JSON.stringify(ReadCostExport.Properties.PolicyDocument);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation's own placeholder
    expect(JSON.parse(written.replaceAll("Sub arn", "arn").replaceAll("${ExportBucket}", "EXPORT-BUCKET"))).toEqual(
      exported,
    );
    expect(template.Outputs.RoleArn.Value).toBe("GetAtt CloudActCostReader.Arn");
  });

  test("is the same in Terraform", () => {
    const documents = [...(role["terraform"] ?? "").matchAll(/<<JSON\n([\s\S]*?)\nJSON$/gm)].map(([, text]) =>
      JSON.parse(text ?? ""),
    );
    expect(documents).toEqual([trust, permissions, exported]);
    expect(role["terraform"]).toContain('name               = "CloudActCostReader"');
    expect(role["terraform"]).not.toMatch(/\$\{|%\{/);
  });

  test("is the same by the AWS CLI", () => {
    const documents = [...(role["aws_cli"] ?? "").matchAll(/<<'JSON'\n([\s\S]*?)\nJSON$/gm)].map(([, text]) =>
      JSON.parse(text ?? ""),
    );
    expect(documents).toEqual([trust, permissions]);
    expect(role["aws_cli"]).toContain("--role-name CloudActCostReader");
  });

  test("differs from organisation to organisation in the audience alone", () => {
    const other = valuesFor(entryOf("AWS_IAM"), "other", identity);
    const both = ["trust_policy", "cloudformation", "terraform", "aws_cli"] as const;
    for (const id of both)
      expect(other[id]?.replaceAll(":other", ":acme").replaceAll("organization other", "organization acme")).toBe(
        role[id],
      );
    expect(other["permission_policy"]).toBe(role["permission_policy"]);
  });

  test("leaves no placeholder open, in texts or snippets", () => {
    for (const [code, values] of [
      ["AWS_IAM", role],
      ["AWS_KEYS", keys],
    ] as const) {
      for (const { id } of entryOf(code).snippets) expect(values[id], id).not.toMatch(/\{[a-z][a-z0-9_]*\}/);
      const known = new Set(Object.keys(values));
      for (const [reason, text] of Object.entries(entryOf(code).reasons))
        for (const [, name] of text.matchAll(/\{([a-z][a-z0-9_]*)\}/g))
          expect(known.has(name ?? ""), reason).toBe(true);
    }
  });

  test("as an access key allows the user the same, and to hand out sessions", () => {
    const user = JSON.parse(keys["permission_policy"] ?? "");
    expect(user.Statement[0]).toEqual(permissions.Statement[0]);
    expect(user.Statement[1]).toEqual({
      ...permissions.Statement[1],
      Resource: "arn:aws:iam::*:user/CloudActCostReader",
    });
    expect(user.Statement[2]).toMatchObject({ Action: "sts:GetFederationToken", Resource: "*" });
    expect(user.Statement).toHaveLength(3);
    expect(keys["aws_cli"]).toContain(keys["permission_policy"]);
    expect(entryOf("AWS_KEYS").setup_help[0]).toMatch(/^A role is better than a key/);
  });

  test("is called by the ids that answers and pages name", () => {
    expect(entryOf("AWS_IAM").snippets.map(({ id }) => id)).toEqual([
      "trust_policy",
      "permission_policy",
      "export_policy",
      "cloudformation",
      "terraform",
      "aws_cli",
    ]);
  });
});
