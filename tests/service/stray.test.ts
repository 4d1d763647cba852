import { spawn } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { problemAnswer } from "../../shared/contract/answers.ts";

const child = spawn(process.execPath, [join(import.meta.dirname, "stray.ts")], { stdio: ["ignore", "pipe", "pipe"] });
const printed: string[] = [];
let origin = "";

beforeAll(async () => {
  child.stderr.on("data", (chunk: Buffer) => printed.push(chunk.toString()));
  const port = await new Promise<string>((resolve) => {
    child.stdout.on("data", (chunk: Buffer) => {
      printed.push(chunk.toString());
      resolve(chunk.toString().trim());
    });
  });
  origin = `http://127.0.0.1:${port}`;
});
afterAll(() => void child.kill());

test.each(["reject", "throw"])(
  "an error that no handler has caught (%s) is a problem document without its text",
  async (mode) => {
    const response = await fetch(origin, { headers: { "x-mode": mode } });
    const text = await response.text();
    expect(response.status).toBe(500);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(problemAnswer.parse(JSON.parse(text))).toMatchObject({ code: "internal", success: false });
    expect(response.headers.get("x-request-id")).toBe(JSON.parse(text).request_id);
    expect(text + printed.join("")).not.toContain("stray-secret");
    expect(printed.join("")).toContain(`"error_name":"${mode === "throw" ? "TypeError" : "RangeError"}"`);
  },
);

test("and the process goes on serving", async () => {
  expect((await fetch(origin)).status).toBe(500);
  expect(child.exitCode).toBeNull();
});
