import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { askThrough } from "../../shared/providers/ask.ts";
import { askSts } from "../../shared/providers/aws/sts.ts";
import { entryOf } from "../registry/the-registry.ts";
import { keyIdOf, secretOf } from "../simulators/clouds/aws-keys.ts";
import type { RecordedRequest } from "../simulators/start.ts";
import { type AwsDesk, actionOf, awsCodes, formOf, openAwsDesk, simulatedAws, TOKEN_CANARY } from "./aws-desk.ts";

let desk: AwsDesk;
beforeAll(async () => {
  desk = await openAwsDesk();
});
afterEach(() => desk.simulators.reset());
afterAll(() => desk.close());

const SECRET = secretOf(keyIdOf("good"));

function whole({ path, headers, body }: RecordedRequest): string {
  return JSON.stringify([path, headers, body, decodeURIComponent(body.replaceAll("+", " "))]);
}

describe("what leaves this service", () => {
  test("of a secret access key is its signature alone", async () => {
    const { requests } = await desk.check("AWS_KEYS");
    const minted = await desk.token("AWS_KEYS");
    for (const request of [...requests, ...minted.requests]) {
      expect(whole(request)).not.toContain(SECRET);
      expect(request.headers["authorization"]).toMatch(
        /^AWS4-HMAC-SHA256 Credential=AKIA[A-Z0-9]{16}\/\d{8}\/us-east-1\/(?:sts|iam|bcm-data-exports)\/aws4_request, SignedHeaders=[a-z0-9;-]*host[a-z0-9;-]*, Signature=[0-9a-f]{64}$/,
      );
    }
  });

  test("of our identity goes to STS alone, in the body and unsigned", async () => {
    const { requests } = await desk.check("AWS_IAM");
    const minted = await desk.token("AWS_IAM");
    const bearing = [...requests, ...minted.requests].filter((request) => whole(request).includes(TOKEN_CANARY));
    expect(bearing.map(actionOf)).toEqual(Array(3).fill("AssumeRoleWithWebIdentity"));
    for (const request of bearing) {
      expect(request.endpoint).toBe("sts");
      expect(request.headers["authorization"]).toBeUndefined();
      expect(JSON.stringify(request.headers)).not.toContain(TOKEN_CANARY);
      expect(request.path).toBe("/");
    }
  });

  test("of a session is its token, with the signature that it makes", async () => {
    const { requests } = await desk.check("AWS_IAM");
    const signed = requests.filter((one) => actionOf(one) !== "AssumeRoleWithWebIdentity");
    expect(signed.length).toBe(5);
    for (const { headers } of signed) {
      expect(headers["authorization"]).toMatch(/Credential=ASIA[A-Z0-9]{16}\//);
      expect(headers["authorization"]).toContain("x-amz-security-token");
      expect(headers["x-amz-security-token"]).toMatch(/^[A-Za-z0-9+/=]+$/);
    }
  });

  test("is in headers what is needed and nothing else", async () => {
    const needed =
      /^(?:host|connection|accept|accept-encoding|accept-language|sec-fetch-mode|user-agent|content-(?:type|length)|authorization|amz-sdk-(?:request|invocation-id)|x-amz-(?:date|target|content-sha256|security-token))$/;
    for (const code of awsCodes) {
      for (const { headers, method } of (await desk.check(code)).requests) {
        expect(method).toBe("POST");
        expect(Object.keys(headers).filter((name) => !needed.test(name))).toEqual([]);
        expect(headers["user-agent"]).toMatch(/^CloudAct\//);
      }
    }
  });

  test("never costs the customer anything: Cost Explorer is simulated, not asked", async () => {
    for (const code of awsCodes) {
      const words = [undefined, ...Object.keys(simulatedAws[code].words).filter((word) => word !== "hang")];
      for (const credential of words) {
        const options = credential === undefined ? {} : { credential };
        const { requests } = await desk.check(code, options);
        const minted = await desk.token(code, options);
        for (const request of [...requests, ...minted.requests]) {
          expect(request.headers["x-amz-target"] ?? "").not.toMatch(/InsightsIndex/i);
          expect(request.headers["authorization"] ?? "").not.toMatch(/\/ce\/aws4_request/);
          expect(["sts", "iam", "exports"]).toContain(request.endpoint);
          expect([
            "AssumeRoleWithWebIdentity",
            "GetCallerIdentity",
            "GetFederationToken",
            "SimulatePrincipalPolicy",
            "ListExports",
            "GetExport",
          ]).toContain(actionOf(request));
        }
      }
    }
  });

  test("follows no redirect and takes no more than 256 KiB, with a token or with a key", async () => {
    for (const code of awsCodes)
      for (const endpoint of ["sts", "iam", "exports"])
        for (const name of ["redirect", "huge"]) {
          desk.simulators.reset();
          desk.simulators.force(code, endpoint, name);
          const { verdict } = await desk.check(code);
          expect([verdict.outcome, desk.simulators.sinkRequests]).toEqual([
            endpoint === "sts" ? "unreachable" : "valid",
            [],
          ]);
        }
  });
});

describe("what AWS repeats of a secret is not kept:", () => {
  test.each(awsCodes)("%s", async (code) => {
    for (const endpoint of ["sts", "iam", "exports"]) {
      desk.simulators.force(code, endpoint, "echo");
      const { verdict } = await desk.check(code);
      expect(JSON.stringify(verdict)).not.toContain(TOKEN_CANARY);
      expect(JSON.stringify(verdict)).not.toContain(SECRET.slice(0, 8));
    }
  });
});

test("a role is asked for the shortest session, under a name that says who and why, and a policy that allows nothing else", async () => {
  const { requests } = await desk.check("AWS_IAM");
  const [own, other] = requests.filter((one) => actionOf(one) === "AssumeRoleWithWebIdentity").map(formOf);
  expect(own).toMatchObject({ DurationSeconds: "900", RoleSessionName: "cloudact-validation" });
  expect(JSON.parse(own?.["Policy"] ?? "")).toEqual({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Action: [
          "sts:GetCallerIdentity",
          "iam:SimulatePrincipalPolicy",
          "bcm-data-exports:ListExports",
          "bcm-data-exports:GetExport",
        ],
        Resource: "*",
      },
    ],
  });
  expect(JSON.parse(other?.["Policy"] ?? "")).toMatchObject({ Statement: [{ Effect: "Deny", Action: ["*"] }] });
  for (const form of [own, other]) expect((form?.["Policy"] ?? "").length).toBeLessThan(2_048);
});

test("what is signed is never sent without keys", async () => {
  const sent: string[] = [];
  const ask = askThrough(async (url) => {
    sent.push(url);
    return new Response("");
  }, 1_000);
  const answer = await askSts({ ask, entry: entryOf("AWS_KEYS") }, null, (client) =>
    client.send(new GetCallerIdentityCommand({})),
  );
  expect(answer).toEqual({ silence: "connection" });
  expect(sent).toEqual([]);
});
