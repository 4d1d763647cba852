import type { Browser } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Service, startService } from "../service/harness.ts";
import { clouds, exampleKeys } from "../simulators/start.ts";
import { everything, expectClean, follow, openBrowser, openPage, signIn, type Watched } from "./open.ts";

const admin = exampleKeys("OPENAI").admin ?? "";
const other = exampleKeys("OPENAI").expiring ?? "";
const DETAIL = "/console/acme/integrations/llm/openai";

let service: Service;
let browser: Browser;
let key: string;
let globexKey: string;
let watched: Watched;

beforeAll(async () => {
  [service, browser] = await Promise.all([startService({ inOneProcess: true }), openBrowser()]);
  key = await service.orgKey("acme");
  globexKey = await service.orgKey("globex");
});
afterAll(async () => {
  await browser.close();
  await service.close();
});
beforeEach(async () => {
  for (const provider of ["custom-new", "custom-miro", "anthropic", "aws_iam", "aws_keys", "gcp_sa"])
    await service.send("DELETE", `/acme/${provider}`, { key });
  service.simulators.reset();
  const stored = await service.send("POST", "/acme/openai/setup", { key, body: { credential: admin } });
  expect(stored.status).toBeLessThan(300);
  watched = await openPage(browser);
  return async () => {
    await expectClean(watched, service);
    await watched.page.context().close();
  };
});

const stateOf = async (provider: string) => (await service.send("GET", `/acme/${provider}`, { key })).body;

/** Lets the next change through to the service, and loses what it answers. */
async function loseAnswer(method: string): Promise<void> {
  let isLost = false;
  await watched.page.route("**/api/v1/integrations/acme/openai*", async (route) => {
    if (isLost || route.request().method() !== method) return await route.continue();
    isLost = true;
    await route.fetch();
    await route.abort("connectionreset");
  });
}

/** Holds the next change back until it is told to let it go. */
async function holdBack(method: string): Promise<() => void> {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  await watched.page.route("**/api/v1/integrations/acme/openai*", async (route) => {
    if (route.request().method() === method) await released;
    await route.continue();
  });
  return release;
}

const forgiveNetwork = () => {
  watched.said = watched.said.filter((line) => !line.includes("net::ERR_"));
};

describe("what another has changed meanwhile", () => {
  test("stays, when the newest version is loaded and one's own change is saved on top", async () => {
    const { page } = watched;
    await service.send("PUT", "/acme/openai", { key, body: { credential_name: "First", expires_at: "2031-01-31" } });
    await signIn(watched, service, key, DETAIL);
    await page.getByRole("button", { name: "Edit" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("Mine");
    await service.send("PUT", "/acme/openai", { key, body: { credential_name: "Theirs", expires_at: "2032-02-28" } });
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByText("Somebody else has changed this meanwhile.").waitFor();
    expect(await dialog.textContent()).not.toMatch(/ETag|If-Match|412/i);
    await dialog.getByRole("button", { name: "Load the newest version" }).click();
    await expect.poll(() => dialog.getByLabel("Expires on").inputValue()).toBe("2032-02-28");
    expect(await dialog.getByLabel("Name").inputValue()).toBe("Mine");
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "detached" });
    expect(await stateOf("openai")).toMatchObject({
      credential_name: "Mine",
      expires_at: expect.stringMatching(/^2032-02-28/),
    });
  });

  test("is not overwritten by a credential that was entered before", async () => {
    const { page } = watched;
    await signIn(watched, service, key, `${DETAIL}/setup`);
    await page.getByRole("heading", { name: "Replace OpenAI" }).waitFor();
    await page.waitForLoadState("networkidle");
    await service.send("PUT", "/acme/openai", { key, body: { credential: other } });
    const { fingerprint } = await stateOf("openai");
    await page.getByLabel("API key", { exact: true }).fill(admin);
    await page.getByRole("button", { name: "Replace", exact: true }).click();
    await page.getByText("Somebody else has changed this meanwhile.").waitFor();
    expect(await stateOf("openai")).toMatchObject({ fingerprint });
    await page.getByRole("button", { name: "Load the newest version" }).click();
    await page.getByRole("button", { name: "Replace", exact: true }).click();
    await page.getByRole("heading", { name: "OpenAI is connected" }).waitFor();
    expect((await stateOf("openai")).fingerprint).not.toBe(fingerprint);
  });

  test("and a credential that works is not given up for one that nobody could prove", async () => {
    const { page } = watched;
    service.simulators.always("OPENAI", "outage");
    await signIn(watched, service, key, `${DETAIL}/setup`);
    await page.getByLabel("API key", { exact: true }).fill(other);
    await page.getByRole("button", { name: "Replace", exact: true }).click();
    await page.getByText("Unable to connect to OpenAI.").waitFor();
    watched.said.length = 0;
    expect(await page.getByRole("button", { name: "Save now, check later" }).count()).toBe(0);
    expect(await stateOf("openai")).toMatchObject({ status: "VALID" });
  });
});

describe("a lost answer", () => {
  test("does not make one's own rename somebody else's", async () => {
    const { page } = watched;
    await signIn(watched, service, key, DETAIL);
    await page.getByRole("button", { name: "Edit" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("Renamed");
    await loseAnswer("PUT");
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByText("Nothing is known to have been stored.").waitFor();
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "detached" });
    expect(await stateOf("openai")).toMatchObject({ credential_name: "Renamed" });
    forgiveNetwork();
  });

  test.each([
    ["disabling", "PUT", "Disable", null, "OpenAI is disabled."],
    [
      "a schedule",
      "DELETE",
      "Delete",
      "Schedule the deletion",
      "OpenAI will be deleted. You can undo that until then.",
    ],
  ])("of %s is made up for by looking", async (_, method, first, second, said) => {
    const { page } = watched;
    await signIn(watched, service, key, DETAIL);
    await loseAnswer(method);
    await page.getByRole("button", { name: first, exact: true }).click();
    if (second !== null) await page.getByRole("button", { name: second }).click();
    await page.getByText(said).waitFor();
    expect(await page.getByText("Somebody else").count()).toBe(0);
    forgiveNetwork();
  });

  test("of a deletion is made up for by looking", async () => {
    const { page } = watched;
    await signIn(watched, service, key, DETAIL);
    await loseAnswer("DELETE");
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByLabel("Now").check();
    await page.getByLabel("Type openai to confirm").fill("openai");
    await page.getByRole("button", { name: "Delete now" }).click();
    await page.getByText("OpenAI is deleted.").waitFor();
    await page.getByRole("heading", { level: 1, name: "Integrations" }).waitFor();
    forgiveNetwork();
  });
});

describe("a dialog", () => {
  test("stays while something is under way, and shows how it ended", async () => {
    const { page } = watched;
    await signIn(watched, service, key, DETAIL);
    const release = await holdBack("PUT");
    await page.getByRole("button", { name: "Edit" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("Mine");
    await service.send("PUT", "/acme/openai", { key, body: { credential_name: "Theirs" } });
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByRole("button", { name: "Saving…" }).waitFor();
    for (let presses = 0; presses < 3; presses += 1) await page.keyboard.press("Escape");
    await dialog.getByRole("button", { name: "Cancel" }).click({ force: true });
    expect(await dialog.isVisible()).toBe(true);
    release();
    await dialog.getByText("Somebody else has changed this meanwhile.").waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
  });

  test("that was left by the browser's button tells its refusal all the same", async () => {
    const { page } = watched;
    await signIn(watched, service, key);
    await page.getByRole("link", { name: "OpenAI", exact: true }).first().click();
    const release = await holdBack("PUT");
    await page.getByRole("button", { name: "Edit" }).click();
    await page.getByRole("dialog").getByLabel("Name").fill("Mine");
    await service.send("PUT", "/acme/openai", { key, body: { credential_name: "Theirs" } });
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("button", { name: "Saving…" }).waitFor();
    await page.goBack();
    release();
    await page.getByText("OpenAI: Somebody else has changed this meanwhile.").waitFor();
  });

  test("takes a day of deletion that is less than a year ahead, and says so at the field", async () => {
    const { page } = watched;
    await signIn(watched, service, key, DETAIL);
    await page.getByRole("button", { name: "Delete" }).click();
    const dialog = page.getByRole("dialog");
    const ahead = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
    await dialog.getByLabel("Delete at the end of").fill(ahead(365));
    await dialog.getByRole("button", { name: "Schedule the deletion" }).click();
    await dialog.getByText("Choose a day from today to less than a year ahead.").waitFor();
    await dialog.getByLabel("Delete at the end of").fill(ahead(364));
    await dialog.getByRole("button", { name: "Schedule the deletion" }).click();
    await page.getByText("It will be deleted").waitFor();
  });
});

test("too many requests keep every button that would send again", async () => {
  const { page } = watched;
  await page.route("**/acme/openai/setup*", (route) =>
    route.fulfill({
      status: 429,
      contentType: "application/problem+json",
      headers: { "retry-after": "60" },
      body: JSON.stringify({
        type: "urn:cloudact:problem:too_many_requests",
        title: "Too many requests",
        status: 429,
        detail: "Too many requests",
        code: "too_many_requests",
        request_id: "00000000-0000-4000-8000-000000000000",
        success: false,
        error: "Too many requests",
        retry_after_s: 60,
      }),
    }),
  );
  await signIn(watched, service, key, `${DETAIL}/setup`);
  await page.getByLabel("API key", { exact: true }).fill(admin);
  await page.getByRole("button", { name: "Test", exact: true }).click();
  await page.getByText("Too many requests in a minute.").waitFor();
  for (const name of ["Test", "Replace"])
    expect(await page.getByRole("button", { name, exact: true }).getAttribute("aria-disabled")).toBe("true");
  const before = watched.asked.length;
  await page.getByLabel("Expires on").press("Enter");
  expect(watched.asked.length).toBe(before);
});

describe("one integration is not taken for another", () => {
  const record = { unit_price: "9", currency: "USD", billing_cycle: "monthly" };

  test("where a subscription is called New", async () => {
    const { page } = watched;
    const stored = await service.send("POST", "/acme/custom-new/setup", {
      key,
      body: { credential_name: "Earlier", metadata: record },
    });
    expect([stored.status, stored.body.error]).toEqual([201, undefined]);
    await signIn(watched, service, key, "/console/acme/integrations/subscriptions/custom-new/setup");
    await page.getByRole("heading", { name: "Record Custom subscription" }).waitFor();
    const name = page.getByLabel("Name of the subscription");
    for (const [text, complaint] of [
      ["New", "This name is kept for the form itself."],
      ["日本語", "Use at least one Latin letter or digit"],
      ["", "A name is needed"],
    ] as const) {
      await name.fill(text);
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByText(complaint).waitFor();
    }
    await page.getByText("Currency is needed.").waitFor();
  });

  test("where two subscriptions come to the same name", async () => {
    const { page } = watched;
    const stored = await service.send("POST", "/acme/custom-miro/setup", {
      key,
      body: { credential_name: "Earlier", metadata: record },
    });
    expect([stored.status, stored.body.error]).toEqual([201, undefined]);
    await signIn(watched, service, key, "/console/acme/integrations/subscriptions/custom-new");
    await page.getByLabel("Name of the subscription").fill("Miro!");
    await page.getByLabel("Unit price").fill("1");
    await page.getByLabel("Billing cycle").selectOption("annual");
    await page.getByLabel("Currency").selectOption("USD");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("nothing of yours was stored").waitFor();
    expect((await stateOf("custom-miro")).metadata).toMatchObject({ unit_price: "9" });
    await page.getByRole("button", { name: "Open custom-miro" }).click();
    await page.getByRole("heading", { name: "How it stands" }).waitFor();
    expect(new URL(page.url()).pathname).toMatch(/custom-miro$/);
  });

  test("where an AWS role is connected and a key is entered", async () => {
    const { page } = watched;
    const role = clouds.AWS_IAM?.credential();
    expect((await service.send("POST", "/acme/aws_iam/setup", { key, body: { credential: role } })).status).toBe(201);
    await signIn(watched, service, key, "/console/acme/integrations/cloud-providers/aws/setup");
    await page.getByRole("heading", { name: "Replace AWS" }).waitFor();
    await page.getByRole("button", { name: "Access key", exact: true }).click();
    await page.getByRole("heading", { name: "Connect AWS" }).waitFor();
    await page.getByText("AWS (IAM role) is connected, and stays.").waitFor();
    await page.getByRole("button", { name: "Connect", exact: true }).waitFor();
  });
});

test("an organisation's key at another's address opens its own organisation, there", async () => {
  const { page } = watched;
  await page.goto(`${service.origin}/console/globex/integrations/llm/openai`);
  await page.getByLabel("Organisation", { exact: true }).fill("acme");
  await page.getByLabel("Organisation key").fill(key);
  await page.getByRole("button", { name: "Open" }).click();
  await page.getByRole("heading", { level: 1, name: "Integrations" }).waitFor();
  expect(new URL(page.url()).pathname).toBe("/console/acme/integrations");
  await page.getByRole("button", { name: "Lock" }).click();
  await follow(watched, "/console/globex/integrations");
  await expect.poll(() => page.getByLabel("Organisation", { exact: true }).inputValue()).toBe("globex");
  await page.getByLabel("Organisation key").fill(globexKey);
  await page.getByRole("button", { name: "Open" }).click();
  await page.locator(".org", { hasText: "globex" }).waitFor();
});

describe("a key file", () => {
  const text = JSON.stringify(clouds.GCP_SA?.credential());
  const FORM = "/console/acme/integrations/cloud-providers/gcp";

  test("that is dropped beside its box is opened by nobody", async () => {
    const { page } = watched;
    await signIn(watched, service, key, FORM);
    const isStopped = await page.evaluate(() => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(["{}"], "key.json"));
      return ["dragover", "drop"].map(
        (type) => !document.body.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer })),
      );
    });
    expect(isStopped).toEqual([true, true]);
  });

  test("is told when it is taken, and where the focus goes; one too large is refused here", async () => {
    const { page } = watched;
    await signIn(watched, service, key, FORM);
    expect(await page.getByLabel("JSON key file").isVisible()).toBe(false);
    const box = page.getByLabel("Key file (JSON)");
    await box.fill(JSON.stringify({ filler: "x".repeat(70_000) }));
    await page.getByText("This is too large to be a key file.").waitFor();
    await box.fill(text);
    await page.getByRole("status").filter({ hasText: "The key file is taken." }).waitFor();
    const another = page.getByRole("button", { name: "Take another key file" });
    await expect.poll(() => another.evaluate((button) => button === document.activeElement)).toBe(true);
    await another.click();
    await expect.poll(() => box.evaluate((element) => element === document.activeElement)).toBe(true);
    expect(await page.getByLabel("Standard billing export").isVisible()).toBe(true);
    expect(await page.getByText("Another name of").count()).toBe(0);
  });
});

test("a key that was stored is nowhere in the page's memory, by whatever way it came", async () => {
  const { page } = watched;
  const foreign = exampleKeys("ANTHROPIC").admin ?? "";
  await signIn(watched, service, key, "/console/acme/integrations/llm/groq");
  await page.getByLabel("API key", { exact: true }).fill(foreign);
  await page.getByRole("link", { name: "Use it for Anthropic" }).click();
  await page.getByRole("button", { name: "Test", exact: true }).click();
  await page.getByText("Nothing has been stored yet.").waitFor();
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await page.getByRole("heading", { name: "Anthropic is connected" }).waitFor();
  expect(await everything(watched)).not.toContain(foreign);
  const session = await page.context().newCDPSession(page);
  const chunks: string[] = [];
  session.on("HeapProfiler.addHeapSnapshotChunk", ({ chunk }) => chunks.push(chunk));
  await session.send("HeapProfiler.takeHeapSnapshot");
  const heap = chunks.join("");
  expect(heap).toContain("Anthropic is connected");
  expect(heap.includes(foreign)).toBe(false);
});
