import { createRequire } from "node:module";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Service, startService } from "../service/harness.ts";
import { clouds, exampleKeys } from "../simulators/start.ts";
import { follow, openBrowser, openPage, signIn, type Watched } from "./open.ts";

const axePath = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

let service: Service;
let browser: Browser;
let key: string;

beforeAll(async () => {
  [service, browser] = await Promise.all([startService({ inOneProcess: true }), openBrowser()]);
  key = await service.orgKey("acme");
  const send = (provider: string, body: unknown) => service.send("POST", `/acme/${provider}/setup`, { key, body });
  const soon = new Date(Date.now() + 9 * 86_400_000).toISOString();
  await send("openai", { credential: exampleKeys("OPENAI").admin, expires_at: soon });
  await send("anthropic", { credential: exampleKeys("ANTHROPIC").good });
  await send("groq", { credential: exampleKeys("GROQ").good });
  await send("gcp", { credential: clouds.GCP_SA?.credential() });
  await send("figma", {
    metadata: {
      unit_price: "15.00",
      currency: "EUR",
      billing_cycle: "annual",
      seats: 12,
      renewal_date: soon.slice(0, 10),
      notice_period_days: 5,
    },
  });
  service.simulators.revoke(exampleKeys("GROQ").good);
  await service.send("POST", "/acme/groq/validate", { key });
  await service.send("PUT", "/acme/anthropic", { key, body: { deactivation_scheduled_at: soon } });
});
afterAll(async () => {
  await browser.close();
  await service.close();
});

interface Violation {
  id: string;
  nodes: Array<{ html: string; failureSummary?: string }>;
}

/** What axe finds wrong, a line each. */
async function violations(page: Page): Promise<string[]> {
  const found: Violation[] = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run: (options: object) => Promise<{ violations: Violation[] }> };
    };
    return (await axe.run({ resultTypes: ["violations"] })).violations;
  });
  return found.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary ?? ""}`),
  );
}

const views: ReadonlyArray<readonly [string, string, string]> = [
  ["overview", "/console/acme/integrations", "Integrations"],
  ["subscriptions", "/console/acme/integrations/subscriptions", "Subscriptions"],
  ["form", "/console/acme/integrations/llm/mistral", "Connect Mistral AI"],
  ["form of a family", "/console/acme/integrations/cloud-providers/aws", "Connect AWS"],
  ["form of a key file", "/console/acme/integrations/gcp/setup", "Replace Google Cloud"],
  ["form of many fields", "/console/acme/integrations/cloud-providers/oci", "Connect Oracle Cloud"],
  ["form of a subscription", "/console/acme/integrations/subscriptions/notion", "Record Notion"],
  ["integration that works", "/console/acme/integrations/llm/openai", "OpenAI"],
  ["integration that is refused", "/console/acme/integrations/llm/groq", "Groq"],
  ["integration that will be deleted", "/console/acme/integrations/llm/anthropic", "Anthropic"],
  ["integration with much to tell", "/console/acme/integrations/cloud-providers/gcp", "Google Cloud"],
];

describe.each(["light", "dark"] as const)("in %s colours axe finds nothing wrong", (colorScheme) => {
  let watched: Watched;
  beforeAll(async () => {
    watched = await openAudited();
    await signIn(watched, service, key);
    await watched.page.addScriptTag({ path: axePath });
  });
  afterAll(() => watched.page.context().close());

  /** The page's own policy would keep the tool out. */
  const openAudited = () => openPage(browser, { colorScheme, bypassCSP: true, reducedMotion: "reduce" });

  test("with the sign-in", async () => {
    const { page } = await openAudited();
    await page.goto(`${service.origin}/console`);
    await page.addScriptTag({ path: axePath });
    await page.getByText("Where do I get a key?").click();
    await page.getByRole("button", { name: "Open" }).click();
    await page.getByText("The organisation key is needed.").waitFor();
    expect(await violations(page)).toEqual([]);
    await page.context().close();
  });

  test.each(views)("with the view: %s", async (_, path, heading) => {
    const { page } = watched;
    await follow(watched, path);
    await page.getByRole("heading", { level: 1, name: heading, exact: true }).waitFor();
    await page.locator(".skeleton").first().waitFor({ state: "detached" });
    await page.evaluate(() => {
      for (const folded of document.querySelectorAll("details")) folded.open = true;
    });
    expect(await violations(watched.page)).toEqual([]);
  });

  test.each([["Rotate"], ["Edit"], ["Delete"]])("with the dialog: %s", async (name) => {
    const { page } = watched;
    await follow(watched, "/console/acme/integrations/llm/openai");
    await page.getByRole("button", { name, exact: true }).click();
    await page.getByRole("dialog").waitFor();
    expect(await violations(watched.page)).toEqual([]);
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
  });

  test("with what is wrong at the fields", async () => {
    const { page } = watched;
    await follow(watched, "/console/acme/integrations/llm/mistral");
    await page.getByLabel("API key", { exact: true }).fill("short");
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    await page.getByText("does not have the shape").waitFor();
    expect(await violations(watched.page)).toEqual([]);
    await page.getByLabel("API key", { exact: true }).fill(exampleKeys("MISTRAL").revoked);
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    await page.getByRole("button", { name: "Enter another API key" }).waitFor();
    await page.locator(".field-error code").waitFor();
    expect(await violations(watched.page)).toEqual([]);
  });
});

describe.each([320, 375, 768])("at %d pixels", (width) => {
  test("nothing has to be scrolled sideways", async () => {
    const watched = await openPage(browser, { viewport: { width, height: 800 } });
    const { page } = watched;
    await page.goto(`${service.origin}/console`);
    const overhang = () =>
      page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(await overhang()).toBe(0);
    await signIn(watched, service, key);
    for (const [, path, heading] of views) {
      await follow(watched, path);
      await page.getByRole("heading", { level: 1, name: heading, exact: true }).waitFor();
      await page.locator(".skeleton").first().waitFor({ state: "detached" });
      await page.evaluate(() => {
        for (const folded of document.querySelectorAll("details")) folded.open = true;
      });
      expect([path, await overhang()]).toEqual([path, 0]);
    }
    await page.context().close();
  });
});

describe("by the keyboard alone", () => {
  test("a provider is connected", async () => {
    const watched = await openPage(browser);
    const { page } = watched;
    const press = (...keys: string[]) =>
      keys.reduce((before, one) => before.then(() => page.keyboard.press(one)), Promise.resolve());
    /** Walks on by Tab until the element that has the focus is called so. */
    const walkTo = async (name: RegExp) => {
      for (let steps = 0; steps < 80; steps += 1) {
        await press("Tab");
        const focused = await page.evaluate(() => {
          const element = document.activeElement;
          const label = element?.id ? document.querySelector(`label[for="${element.id}"]`)?.textContent : null;
          const isSeen = element?.matches(":focus-visible, input[type=date]:focus-within") ?? false;
          return { name: element?.getAttribute("aria-label") ?? label ?? element?.textContent ?? "", isSeen };
        });
        expect(focused.isSeen).toBe(true);
        if (name.test(focused.name)) return;
      }
      throw new Error(`never came to ${name}`);
    };
    await page.goto(`${service.origin}/console`);
    await walkTo(/^Organisation$/);
    await page.keyboard.type("acme");
    await walkTo(/^Organisation key$/);
    await page.keyboard.insertText(key);
    await press("Enter");
    await page.getByRole("heading", { level: 1, name: "Integrations" }).waitFor();
    await walkTo(/Connect xAI$/);
    await press("Enter");
    await page.getByRole("heading", { level: 1, name: "Connect xAI" }).waitFor();
    await walkTo(/^API key$/);
    await page.keyboard.insertText(exampleKeys("XAI").good);
    await walkTo(/^Connect$/);
    await press("Enter");
    await page.getByRole("heading", { name: "xAI is connected" }).waitFor();
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("done");
    await page.context().close();
  });

  test("a dialog keeps the focus, and gives it back", async () => {
    const watched = await openPage(browser);
    const { page } = watched;
    await signIn(watched, service, key, "/console/acme/integrations/llm/openai");
    await page.getByRole("button", { name: "Delete" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    for (let steps = 0; steps < 12; steps += 1) {
      await page.keyboard.press("Tab");
      expect(await page.evaluate(() => document.activeElement?.closest("dialog, body")?.tagName)).not.toBe(undefined);
      expect(
        await page.evaluate(
          () => document.activeElement?.closest("main") !== null && document.activeElement?.closest("dialog") === null,
        ),
      ).toBe(false);
    }
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent?.slice(0, 20))).toBe("Delete");
    await page.context().close();
  });
});

describe("colours", () => {
  test("follow the system until one chooses", async () => {
    const watched = await openPage(browser, { colorScheme: "dark" });
    const { page } = watched;
    await page.goto(`${service.origin}/console`);
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(await background()).toBe("rgb(13, 16, 21)");
    await page.getByRole("button", { name: /^Colours: as the system/ }).click();
    await page.getByRole("button", { name: /^Colours: light/ }).waitFor();
    expect(await background()).toBe("rgb(246, 247, 249)");
    await page.getByRole("button", { name: /^Colours: light/ }).click();
    expect(await background()).toBe("rgb(13, 16, 21)");
    await page.context().close();
  });
});
