import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { type AwsDesk, awsCodes, openAwsDesk } from "./aws-desk.ts";

let desk: AwsDesk;
beforeAll(async () => {
  desk = await openAwsDesk();
});
afterAll(() => desk.close());

describe("whatever the operator's environment and home hold,", () => {
  const CANARY = "OPERATOR";
  const home = mkdtempSync(join(tmpdir(), "aws-"));
  const profile = `[default]\nregion = eu-west-1\naws_access_key_id = AKIA${CANARY}\naws_secret_access_key = ${CANARY}\nendpoint_url = http://127.0.0.1:1/${CANARY}\nrole_arn = arn:aws:iam::1:role/${CANARY}\ncredential_process = /bin/echo ${CANARY}\nuse_fips_endpoint = true\n`;
  const ambient: Record<string, string> = {
    HOME: home,
    AWS_CONFIG_FILE: join(home, "config"),
    AWS_SHARED_CREDENTIALS_FILE: join(home, "credentials"),
    AWS_PROFILE: "default",
    AWS_ACCESS_KEY_ID: `AKIA${CANARY}`,
    AWS_SECRET_ACCESS_KEY: CANARY,
    AWS_SESSION_TOKEN: CANARY,
    AWS_REGION: "eu-west-1",
    AWS_DEFAULT_REGION: "eu-west-1",
    AWS_ENDPOINT_URL: `http://127.0.0.1:1/${CANARY}`,
    AWS_ENDPOINT_URL_STS: `http://127.0.0.1:1/${CANARY}`,
    AWS_ROLE_ARN: `arn:aws:iam::111122223333:role/${CANARY}`,
    AWS_ROLE_SESSION_NAME: CANARY,
    AWS_WEB_IDENTITY_TOKEN_FILE: join(home, "credentials"),
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:1/${CANARY}`,
    AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://127.0.0.1:1/${CANARY}`,
    AWS_USE_FIPS_ENDPOINT: "true",
    AWS_USE_DUALSTACK_ENDPOINT: "true",
    AWS_STS_REGIONAL_ENDPOINTS: "legacy",
    AWS_MAX_ATTEMPTS: "5",
    AWS_RETRY_MODE: "adaptive",
    AWS_DEFAULTS_MODE: "auto",
    AWS_AUTH_SCHEME_PREFERENCE: "sigv4a",
    AWS_SIGV4A_SIGNING_REGION_SET: "*",
    AWS_SDK_UA_APP_ID: CANARY,
    AWS_EXECUTION_ENV: CANARY,
    AWS_LAMBDA_FUNCTION_NAME: CANARY,
    _X_AMZN_TRACE_ID: `Root=${CANARY}`,
  };
  const before = process.env;
  /** Since this process began: what an SDK looks up once it remembers. */
  const looked = new Set<string>();
  const printed = (["log", "info", "warn", "error", "debug"] as const).map((name) =>
    vi.spyOn(console, name).mockImplementation(() => {}),
  );

  beforeEach(() => {
    writeFileSync(join(home, "config"), profile);
    writeFileSync(join(home, "credentials"), profile);
    process.env = new Proxy(
      { ...before, ...ambient },
      {
        get(values, name) {
          if (typeof name === "string") looked.add(name);
          return Reflect.get(values, name);
        },
      },
    );
  });
  afterEach(() => {
    process.env = before;
    for (const spy of printed) spy.mockClear();
  });
  afterAll(() => {
    for (const spy of printed) spy.mockRestore();
    rmSync(home, { recursive: true });
  });

  test.each(awsCodes)("%s is proven with its own alone, and nothing is printed", async (code) => {
    for (const credential of [undefined, "gone", "slow", "html"]) {
      const options = credential === undefined ? {} : { credential };
      const { verdict, requests } = await desk.check(code, options);
      const minted = await desk.token(code, options);
      expect(verdict.outcome === "valid").toBe(credential === undefined);
      for (const request of [...requests, ...minted.requests]) expect(JSON.stringify(request)).not.toContain(CANARY);
      expect(verdict.reason).not.toBe("connection");
    }
    for (const spy of printed) expect(spy).not.toHaveBeenCalled();
  });

  test("asked once where AWS is busy, not as often as AWS_MAX_ATTEMPTS says", async () => {
    expect((await desk.check("AWS_KEYS", { credential: "slow" })).requests).toHaveLength(1);
  });

  test("and neither the files nor the variables that name them are looked at", async () => {
    for (const code of awsCodes) {
      await desk.check(code);
      await desk.token(code);
    }
    // Of the process, not of the customer: switches for warnings and sockets, and what Lambda sets, of which nothing is sent.
    const harmless = [
      "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED",
      "AWS_ENABLE_DEFAULT_SOCKET_TIMEOUT_2026",
      "_X_AMZN_TRACE_ID",
    ];
    const about = [...looked].filter((name) => /^AWS|^_X_AMZN|^HOME|^USERPROFILE/.test(name));
    expect(about.filter((name) => !harmless.includes(name) && !name.startsWith("AWS_LAMBDA_"))).toEqual([]);
    expect(about).not.toEqual([]);
  });
});
