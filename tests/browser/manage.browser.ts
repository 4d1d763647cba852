import type { Browser } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Service, startService } from "../service/harness.ts";
import { exampleKeys } from "../simulators/start.ts";
import { everything, expectClean, follow, openBrowser, openPage, signIn, type Watched } from "./open.ts";

const admin = exampleKeys("OPENAI").admin ?? "";
const other = exampleKeys("OPENAI").expiring ?? "";
const DETAIL = "/console/acme/integrations/llm/openai";

let service: Service;
let browser: Browser;
let key: string;
let readKey: string;
let watched: Watched;

beforeAll(async () => {
  [service, browser] = await Promise.all([startService({ inOneProcess: true }), openBrowser()]);
  key = await service.orgKey("acme");
  readKey = await service.orgKey("acme", "read");
});
afterAll(async () => {
  await browser.close();
  await service.close();
});
beforeEach(async () => {
  service.simulators.reset();
  const stored = await service.send("POST", "/acme/openai/setup", { key, body: { credential: admin } });
  expect(stored.status).toBeLessThan(300);
  watched = await openPage(browser);
  return async () => {
    await expectClean(watched, service);
    expect(await everything(watched)).not.toContain(key);
    await watched.page.context().close();
  };
});

const openai = async () => (await service.send("GET", "/acme/openai", { key })).body;

describe("an integration", () => {
  test("is validated now, and an outage is not held against it", async () => {
    const { page } = watched;
    await signIn(watched, service, key, DETAIL);
    await page.getByRole("button", { name: "Validate now" }).click();
    await page.getByText("It works.", { exact: true }).waitFor();
    service.simulators.always("OPENAI", "outage");
    await page.getByRole("button", { name: "Validate now" }).click();
    await page.getByText("Nothing is known against it: its status stays as it was.").waitFor();
    expect(await openai()).toMatchObject({ status: "VALID" });
    service.simulators.always("OPENAI", null);
    service.simulators.revoke(admin);
    await page.getByRole("button", { name: "Validate now" }).click();
    await page.getByText("Refused", { exact: true }).waitFor();
    await page.getByText("A check changed the status to invalid").waitFor();
  });

  test("gets a new credential only when that is proven", async () => {
    const { page } = watched;
    const before = await openai();
    await signIn(watched, service, key, DETAIL);
    await page.getByRole("button", { name: "Rotate" }).click();
    const dialog = page.getByRole("dialog", { name: "Rotate OpenAI" });
    await dialog.getByLabel("API key", { exact: true }).fill(exampleKeys("OPENAI").revoked);
    await dialog.getByRole("button", { name: "Replace" }).click();
    await dialog.getByText("OpenAI API key is invalid or expired.").waitFor();
    expect(await openai()).toMatchObject({ fingerprint: before.fingerprint });
    await dialog.getByRole("button", { name: "Enter another API key" }).click();
    await dialog.getByLabel("API key", { exact: true }).fill(other);
    await dialog.getByRole("button", { name: "Replace" }).click();
    await dialog.waitFor({ state: "detached" });
    await page.getByText("Credential replaced").first().waitFor();
    expect((await openai()).fingerprint).not.toBe(before.fingerprint);
    expect(await everything(watched)).not.toContain(other);
    expect(
      await page.getByRole("button", { name: "Rotate" }).evaluate((button) => button === document.activeElement),
    ).toBe(true);
  });

  test("is disabled and enabled", async () => {
    const { page } = watched;
    await signIn(watched, service, key, DETAIL);
    await page.getByRole("button", { name: "Disable" }).click();
    await page.getByText("It is switched off").waitFor();
    expect(await openai()).toMatchObject({ enabled: false });
    await page.getByRole("button", { name: "Enable" }).click();
    await page.getByText("OpenAI accepts this credential").waitFor();
    expect(await openai()).toMatchObject({ enabled: true });
  });

  test("is renamed and given an expiry, unless somebody else was first", async () => {
    const { page } = watched;
    await signIn(watched, service, key, DETAIL);
    await page.getByRole("button", { name: "Edit" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("Costs of the research team");
    await dialog.getByLabel("Expires on").fill("2031-01-31");
    await service.send("PUT", "/acme/openai", { key, body: { credential_name: "Meanwhile" } });
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByText("Somebody else has changed this meanwhile.").waitFor();
    expect(await openai()).toMatchObject({ credential_name: "Meanwhile" });
    await dialog.getByRole("button", { name: "Load the newest version" }).click();
    await dialog.getByText("Somebody else").waitFor({ state: "detached" });
    expect(await dialog.getByLabel("Name").inputValue()).toBe("Costs of the research team");
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "detached" });
    expect(await openai()).toMatchObject({
      credential_name: "Costs of the research team",
      expires_at: "2031-01-31T23:59:59.000Z",
    });
  });

  test("is deleted at a day, which can be undone, or now, after it was typed", async () => {
    const { page } = watched;
    await signIn(watched, service, key, DETAIL);
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("button", { name: "Schedule the deletion" }).click();
    await page.getByText("It will be deleted").waitFor();
    expect((await openai()).deactivation_scheduled_at).not.toBeNull();
    await page.getByRole("button", { name: "Undo: keep it" }).click();
    await page.getByText("It will be deleted").waitFor({ state: "detached" });
    expect(await openai()).toMatchObject({ deactivation_scheduled_at: null });
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByLabel("Now").check();
    await page.getByRole("button", { name: "Delete now" }).click();
    await page.getByText("Type openai to confirm.").waitFor();
    await page.getByLabel("Type openai to confirm").fill("openai");
    await page.getByRole("button", { name: "Delete now" }).click();
    await page.getByRole("heading", { name: "Integrations" }).waitFor();
    expect((await service.send("GET", "/acme/openai", { key })).status).toBe(404);
  });

  test("tells its history, page by page", async () => {
    const { page } = watched;
    for (let turn = 0; turn < 12; turn += 1)
      await service.send("PUT", "/acme/openai", { key, body: { credential_name: `Turn ${turn}` } });
    await signIn(watched, service, key, DETAIL);
    const items = page.locator(".timeline li");
    await items.first().waitFor();
    const first = await items.count();
    await page.getByRole("button", { name: "Load more" }).click();
    await expect.poll(() => items.count()).toBeGreaterThan(first);
  });
});

describe("who may read only", () => {
  test("sees everything, and is told why nothing can be changed", async () => {
    const { page } = watched;
    await signIn(watched, service, readKey, DETAIL);
    await page.getByText("This organisation key may read only.").waitFor();
    for (const name of ["Validate now", "Rotate", "Edit", "Disable", "Delete"]) {
      const button = page.getByRole("button", { name });
      expect([await button.getAttribute("aria-disabled"), await button.getAttribute("title")]).toEqual([
        "true",
        "This organisation key may read only",
      ]);
    }
    const before = watched.asked.length;
    await page.getByRole("button", { name: "Validate now" }).click({ force: true });
    await page.getByRole("button", { name: "Delete" }).click({ force: true });
    expect(watched.asked.length).toBe(before);
    await follow(watched, "/console/acme/integrations/llm/groq");
    await page.getByLabel("API key", { exact: true }).fill(exampleKeys("GROQ").good);
    await page.keyboard.press("Enter");
    expect(watched.asked.filter((url) => url.endsWith("/setup"))).toEqual([]);
  });
});

describe("signing in", () => {
  test("a wrong key is told at the field, and is not in it any more", async () => {
    const { page } = watched;
    const wrong = `cact_local_${"A".repeat(12)}_${"b".repeat(49)}`;
    await page.goto(`${service.origin}/console`);
    await page.getByLabel("Organisation", { exact: true }).fill("acme");
    await page.getByLabel("Organisation key").fill(wrong);
    await page.getByRole("button", { name: "Open" }).click();
    await page.getByText("This key is not known here").waitFor();
    expect(await everything(watched)).not.toContain(wrong);
    await page.getByLabel("Organisation", { exact: true }).fill("Acme Inc");
    await page.getByRole("button", { name: "Open" }).click();
    await page.getByText("An organisation is 1 to 63 characters").waitFor();
    await page.getByText("The organisation key is needed.").waitFor();
  });

  test("another organisation's key is told apart", async () => {
    const { page } = watched;
    await page.goto(`${service.origin}/console/globex/integrations`);
    expect(await page.getByLabel("Organisation", { exact: true }).inputValue()).toBe("globex");
    await page.getByLabel("Organisation key").fill(key);
    await page.getByRole("button", { name: "Open" }).click();
    await page.getByText("This key belongs to another organisation.").waitFor();
  });

  test("the key is gone when it is locked, and when the page is loaded again", async () => {
    const { page } = watched;
    await signIn(watched, service, key, DETAIL);
    await page.getByRole("button", { name: "Lock" }).click();
    await page.getByRole("heading", { name: "Open your organisation" }).waitFor();
    expect(await page.locator(".card").count()).toBe(0);
    await signIn(watched, service, key, DETAIL);
    await page.getByRole("heading", { name: "OpenAI" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "Open your organisation" }).waitFor();
  });

  test.each([
    ["/console", "Integrations"],
    ["/console/acme/settings/integrations/llm", "AI providers"],
    ["/console/settings/integrations/cloud", "Cloud providers"],
    ["/console/integrations/genai/openai", "OpenAI"],
    ["/console/acme/integrations/cloud-providers/gcp", "Connect Google Cloud"],
    ["/console/acme/integrations/cloud-providers/aws", "Connect AWS"],
    ["/console/acme/integrations/subscriptions", "Subscriptions"],
  ])("an address from elsewhere outlives it: %s", async (path, heading) => {
    const { page } = watched;
    await signIn(watched, service, key, path);
    await page.getByRole("heading", { level: 1, name: heading, exact: true }).waitFor();
    expect(new URL(page.url()).pathname.startsWith("/console/acme")).toBe(true);
  });

  test.each(["/console/acme/billing", "/console/acme/integrations/llm/nobody"])(
    "one that there is not leads to the overview, and says so: %s",
    async (path) => {
      const { page } = watched;
      await signIn(watched, service, key, path);
      await page.getByRole("heading", { name: "Integrations" }).waitFor();
      await page.getByText(/There is no such (?:page|provider)\. This is the overview\./).waitFor();
      expect(new URL(page.url()).pathname).toBe("/console/acme/integrations");
    },
  );

  test("back and forward walk through the views", async () => {
    const { page } = watched;
    await signIn(watched, service, key);
    await page.getByRole("link", { name: "Cloud providers" }).first().click();
    await page.getByRole("heading", { level: 1, name: "Cloud providers" }).waitFor();
    await page.goBack();
    await page.getByRole("heading", { level: 1, name: "Integrations" }).waitFor();
    await page.goForward();
    await page.getByRole("heading", { level: 1, name: "Cloud providers" }).waitFor();
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe("H1");
  });
});

describe("when the service does not answer", () => {
  test("it is said, and can be tried again", async () => {
    const { page } = watched;
    await signIn(watched, service, key, DETAIL);
    await page.getByRole("heading", { name: "History" }).waitFor();
    await page.context().setOffline(true);
    await page.getByRole("button", { name: "Disable" }).click();
    await page.getByText("You are offline.").first().waitFor();
    await page.context().setOffline(false);
    watched.said.length = 0;
    expect(await openai()).toMatchObject({ enabled: true });
  });

  test("too many requests are counted down", async () => {
    const { page } = watched;
    await signIn(watched, service, key, DETAIL);
    await page.route("**/acme/openai", (route) =>
      route.request().method() === "PUT"
        ? route.fulfill({
            status: 429,
            contentType: "application/problem+json",
            headers: { "retry-after": "3" },
            body: JSON.stringify({
              type: "urn:cloudact:problem:too_many_requests",
              title: "Too many requests",
              status: 429,
              detail: "Too many requests",
              code: "too_many_requests",
              request_id: "00000000-0000-4000-8000-000000000000",
              success: false,
              error: "Too many requests",
              retry_after_s: 3,
            }),
          })
        : route.continue(),
    );
    await page.getByRole("button", { name: "Disable" }).click();
    await page.getByText("Too many requests in a minute.").waitFor();
    await page.getByRole("button", { name: /^Wait \d s$/ }).waitFor();
  });
});
