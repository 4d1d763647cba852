import type { Browser } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Service, startService } from "../service/harness.ts";
import { clouds, exampleKeys } from "../simulators/start.ts";
import { copied, everything, expectClean, follow, openBrowser, openPage, signIn, type Watched } from "./open.ts";

const openai = exampleKeys("OPENAI");
const admin = openai.admin ?? "";

let service: Service;
let browser: Browser;
let key: string;
let watched: Watched;

beforeAll(async () => {
  [service, browser] = await Promise.all([startService({ inOneProcess: true }), openBrowser()]);
  key = await service.orgKey("acme");
});
afterAll(async () => {
  await browser.close();
  await service.close();
});
beforeEach(async () => {
  for (const provider of ["openai", "anthropic", "gcp_sa", "figma", "custom-miro", "aws"])
    await service.send("DELETE", `/acme/${provider}`, { key });
  service.simulators.reset();
  watched = await openPage(browser);
  return async () => {
    await expectClean(watched, service);
    expect(await everything(watched)).not.toContain(key);
    await watched.page.context().close();
  };
});

const statusOf = async (provider: string) => (await service.send("GET", `/acme/${provider}`, { key })).body;

describe("who has never seen the console", () => {
  test("connects OpenAI from nothing to VALID, led by what is on the screen", async () => {
    const { page } = watched;
    await signIn(watched, service, key);
    await page.getByRole("heading", { name: "Connect your first account" }).waitFor();
    await page.getByRole("link", { name: "Connect OpenAI" }).click();
    await page.getByText('Choose "Create new admin key"').waitFor();
    await page.getByLabel("API key", { exact: true }).fill(admin);
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    await page.getByRole("heading", { name: "OpenAI is connected" }).waitFor();
    await page.getByText("OpenAI integration configured!").waitFor();
    expect(await statusOf("openai")).toMatchObject({ status: "VALID", lifecycle: "active" });
    expect(await everything(watched)).not.toContain(admin);
    await page.getByRole("link", { name: "Open OpenAI" }).click();
    await page.getByText("every pipeline can run on it").waitFor();
    expect(new URL(page.url()).pathname).toBe("/console/acme/integrations/llm/openai");
  });

  test("tests a key before it is stored, and is told what it cannot do", async () => {
    const { page } = watched;
    await signIn(watched, service, key, "/console/acme/integrations/llm/openai");
    await page.getByLabel("API key", { exact: true }).fill(openai.good);
    await page.getByRole("button", { name: "Test", exact: true }).click();
    await page.getByText("it cannot deliver costs. Nothing has been stored yet.").waitFor();
    await page.getByText("Create an admin key at platform.openai.com").first().waitFor();
    expect((await service.send("GET", "/acme/openai", { key })).status).toBe(404);
    expect(await everything(watched)).not.toContain(openai.good);
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    await page.getByRole("heading", { name: "OpenAI is connected" }).waitFor();
    await page.getByText("no cost pipeline can run on it yet").waitFor();
  });

  test("sending twice in one moment makes one version", async () => {
    const { page } = watched;
    service.simulators.latency("OPENAI", 300);
    await signIn(watched, service, key, "/console/acme/integrations/llm/openai");
    await page.getByLabel("API key", { exact: true }).fill(admin);
    await page.locator("form").evaluate((form) => {
      if (!(form instanceof HTMLFormElement)) return;
      form.requestSubmit();
      form.requestSubmit();
    });
    await page.getByRole("heading", { name: "OpenAI is connected" }).waitFor();
    expect(watched.asked.filter((url) => url.endsWith("/setup"))).toHaveLength(1);
  });
});

describe("a wrong key", () => {
  test("of the wrong shape is told at the field, and nobody is asked", async () => {
    const { page } = watched;
    await signIn(watched, service, key, "/console/acme/integrations/llm/openai");
    const field = page.getByLabel("API key", { exact: true });
    await field.fill("not-a-key");
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    await page.getByText("This does not have the shape of OpenAI’s API key. It looks like sk-admin-…").waitFor();
    expect(await field.getAttribute("aria-invalid")).toBe("true");
    await expect.poll(() => field.evaluate((element) => element === document.activeElement)).toBe(true);
    expect(watched.asked.filter((url) => url.includes("/setup"))).toEqual([]);
    await field.fill("sk-proj-abc***");
    await field.blur();
    await page.getByText("This is a masked value.").waitFor();
  });

  test("that the provider refuses is told at the field, with what to do and the request", async () => {
    const { page } = watched;
    await signIn(watched, service, key, "/console/acme/integrations/llm/openai");
    await page.getByLabel("API key", { exact: true }).fill(openai.revoked);
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    const error = page.locator(".field-error");
    await error.waitFor();
    expect(await error.textContent()).toContain("OpenAI API key is invalid or expired. Create a new admin key at");
    const id = (await error.locator("code").textContent()) ?? "";
    expect(await service.audit(id)).toMatchObject([{ operation: "setup", reason_code: "credential_rejected" }]);
    await error.getByRole("button", { name: "Copy request id" }).click();
    expect(await copied(watched, service)).toBe(id);
    expect(await everything(watched)).not.toContain(openai.revoked);
    await page.getByRole("button", { name: "Enter another API key" }).click();
    await page.getByLabel("API key", { exact: true }).fill(admin);
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    await page.getByRole("heading", { name: "OpenAI is connected" }).waitFor();
  });

  test("of another provider is taken there without pasting it again", async () => {
    const { page } = watched;
    const other = exampleKeys("ANTHROPIC").admin ?? "";
    await signIn(watched, service, key, "/console/acme/integrations/llm/openai");
    await page.getByLabel("API key", { exact: true }).fill(other);
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    await page.getByText("This looks like a key of Anthropic").waitFor();
    await page.getByRole("link", { name: "Use it for Anthropic" }).click();
    await page.getByRole("heading", { name: "Connect Anthropic" }).waitFor();
    expect(watched.asked.join("\n")).not.toContain(other);
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    await page.getByRole("heading", { name: "Anthropic is connected" }).waitFor();
    expect(service.simulators.requests.filter(({ provider }) => provider === "OPENAI")).toEqual([]);
    expect(await everything(watched)).not.toContain(other);
  });

  test("is not to blame for an outage: it can be stored all the same, and is not called valid", async () => {
    const { page } = watched;
    service.simulators.always("OPENAI", "outage");
    await signIn(watched, service, key, "/console/acme/integrations/llm/openai");
    await page.getByLabel("API key", { exact: true }).fill(admin);
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    await page.getByText("Unable to connect to OpenAI.").waitFor();
    watched.said.length = 0;
    await page.getByRole("button", { name: "Save now, check later" }).click();
    await page.getByRole("heading", { name: "OpenAI is stored" }).waitFor();
    expect(await statusOf("openai")).toMatchObject({ status: "PENDING" });
  });
});

describe("other kinds of credentials", () => {
  const document = JSON.stringify(clouds.GCP_SA?.credential());
  const secret = document.slice(document.indexOf("PRIVATE KEY-----") + 20, document.indexOf("PRIVATE KEY-----") + 80);

  test("a key file by choice; what is secret in it is never in the page", async () => {
    const { page } = watched;
    await signIn(watched, service, key, "/console/settings/integrations/gcp");
    await page
      .getByLabel("JSON key file")
      .setInputFiles({ name: "key.json", mimeType: "application/json", buffer: Buffer.from(document) });
    await page.getByText("acme-billing", { exact: true }).first().waitFor();
    expect(await everything(watched)).not.toContain(secret);
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    await page.getByRole("heading", { name: "Google Cloud is connected" }).waitFor();
    expect(await everything(watched)).not.toContain(secret);
  });

  test("by paste, and a file of something else is told apart", async () => {
    const { page } = watched;
    await signIn(watched, service, key, "/console/acme/integrations/cloud-providers/gcp");
    const box = page.getByLabel("Key file (JSON)");
    const paste = async (text: string) => {
      await page.evaluate((given) => navigator.clipboard.writeText(given), text);
      await box.focus();
      await page.keyboard.press("Control+V");
    };
    await paste("hello");
    await page.getByText("This is not a JSON key file of Google Cloud.").waitFor();
    await paste('{"type":"authorized_user"}');
    await page.getByText("This file lacks").waitFor();
    await paste(document);
    await page.getByText("there, not shown").waitFor();
    expect(await everything(watched)).not.toContain(secret);
  });

  test("by drop", async () => {
    const { page } = watched;
    await signIn(watched, service, key, "/console/acme/integrations/cloud-providers/gcp");
    const transfer = await page.evaluateHandle((text) => {
      const data = new DataTransfer();
      data.items.add(new File([text], "key.json", { type: "application/json" }));
      return data;
    }, document);
    await page.locator(".drop").dispatchEvent("drop", { dataTransfer: transfer });
    await page.getByText("there, not shown").waitFor();
  });

  test("AWS, by a role or by keys, with what to paste there", async () => {
    const { page } = watched;
    await signIn(watched, service, key);
    await page.getByRole("link", { name: "Connect AWS" }).click();
    await page.getByRole("button", { name: "IAM role" }).waitFor();
    await page.locator("summary", { hasText: "Trust policy" }).click();
    await page
      .getByRole("button", { name: /^Copy Trust policy/i })
      .first()
      .click();
    expect(await copied(watched, service)).toContain("acme");
    await page.getByRole("button", { name: "Access key", exact: true }).click();
    await page.getByLabel("Secret access key", { exact: true }).waitFor();
    await page.getByRole("button", { name: "IAM role" }).click();
    const arn = Object.values(clouds.AWS_IAM?.credential() ?? {})[0];
    await page.getByLabel("Role ARN").fill(String(arn));
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    await page.getByRole("heading", { name: "AWS (IAM role) is connected" }).waitFor();
  });

  test("a subscription: what is missing is told at the field, what it costs is shown", async () => {
    const { page } = watched;
    await signIn(watched, service, key, "/console/acme/integrations/subscriptions/figma");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Unit price is needed.").waitFor();
    await page.getByLabel("Unit price").fill("15.00");
    await page.getByLabel("Currency").selectOption("EUR");
    await page.getByLabel("Billing cycle").selectOption("annual");
    await page.getByLabel("Seats").fill("12");
    await page.getByLabel("Start").fill("2026-05-01");
    await page.getByLabel("End").fill("2026-04-01");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Lies before start_date.").waitFor();
    await page.getByLabel("End").fill("");
    await page.getByLabel("Notice, days").fill("30");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { name: "Figma is recorded" }).waitFor();
    await page.getByRole("link", { name: "Subscriptions" }).first().click();
    const row = page.getByRole("row", { name: /Figma/ });
    await row.getByText("€15.00").waitFor();
    expect(await row.textContent()).toContain("€180.00");
    expect(await row.textContent()).toContain("1 May 2027");
    expect(await page.getByRole("row", { name: /Total in EUR/ }).textContent()).toContain("€15.00");
  });

  test("a subscription of any vendor, listed by the name it is given", async () => {
    const { page } = watched;
    await signIn(watched, service, key);
    await page.getByRole("link", { name: "Record Custom subscription" }).click();
    await page.getByLabel("Name of the subscription").fill("Miro");
    await page.getByLabel("Unit price").fill("960");
    await page.getByLabel("Billing cycle").selectOption("annual");
    await page.getByLabel("Currency").selectOption("USD");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { name: "Miro is recorded" }).waitFor();
    expect(await statusOf("custom-miro")).toMatchObject({ display_name: "Miro" });
    await follow(watched, "/console/acme/integrations/subscriptions/custom-miro");
    await page.getByText("$80.00").waitFor();
  });
});
