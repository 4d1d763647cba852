import { spawn } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { clouds } from "../simulators/start.ts";

const main = join(import.meta.dirname, "../simulators/main.ts");

/** What the simulators print before they wait, and the code that they ended with; `null` where they had to be stopped. */
async function printed(...args: string[]): Promise<{ text: string; code: number | null }> {
  const child = spawn(process.execPath, [main, "--port", "0", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (piece: string) => {
      text += piece;
      if (text.includes("Ctrl-C stops.")) child.kill("SIGKILL");
    });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { text, code };
}

function credentialIn(text: string): unknown {
  return JSON.parse(/^ {2}credential: (.*)$/m.exec(text)?.[1] ?? "null");
}

describe("the simulators on their own print", () => {
  test("every cloud's words, and its credential unless that is a key file", async () => {
    const { text } = await printed();
    for (const [code, cloud] of Object.entries(clouds)) {
      expect(text).toContain(`${code}, in place of ${Object.values(cloud.endpoints)[0]}`);
      for (const [word, meaning] of Object.entries(cloud.words)) expect(text).toMatch(lineOf(word, meaning));
    }
    expect(text).toContain(`  credential: ${JSON.stringify(clouds.AWS_KEYS?.credential())}\n`);
    expect(text).toContain("see --provider gcp_sa");
    expect(text).not.toContain("PRIVATE KEY");
  });
  test("a key file of one cloud, whole, on one line", async () => {
    const { text } = await printed("--provider", "gcp_sa");
    expect(credentialIn(text)).toMatchObject({
      type: "service_account",
      private_key: expect.stringMatching(/^-----BEGIN/),
    });
    expect(text).not.toContain("AWS_KEYS, in place of");
  });
  test("a credential with a word in it", async () => {
    const { text } = await printed("--provider", "aws_keys", "--word", "root");
    expect(credentialIn(text)).toEqual(clouds.AWS_KEYS?.credential("root"));
  });
  test("which providers there are, for a name that is none", async () => {
    const { text, code } = await printed("--provider", "nope");
    expect(code).toBe(2);
    expect(text).toContain("GCP_SA");
  });
});

function lineOf(word: string, meaning: string): RegExp {
  return new RegExp(`^ {4}${word} +${meaning.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`, "m");
}
