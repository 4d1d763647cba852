import { existsSync } from "node:fs";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { expect } from "vitest";
import type { Service } from "../service/harness.ts";

const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** A real browser that talks to nobody by itself. `CHROMIUM` names another than the system's. */
export async function openBrowser(): Promise<Browser> {
  const executablePath = process.env["CHROMIUM"] ?? places.find((place) => existsSync(place));
  if (executablePath === undefined) throw new Error("There is no Chromium here: install one, or name it by CHROMIUM");
  return await chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** A page, and everything that it has said and asked for. */
export interface Watched {
  page: Page;
  /** Console messages and uncaught errors, violations of the policy among them. */
  said: string[];
  /** Addresses of all requests, and all that the address bar has shown. */
  asked: string[];
}

export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-GB", ...options });
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const watched: Watched = { page, said: [], asked: [] };
  page.on("console", (message) => watched.said.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => watched.said.push(`uncaught: ${error.message}`));
  page.on("framenavigated", (frame) => watched.asked.push(frame.url()));
  page.on("request", (request) => watched.asked.push(request.url()));
  return watched;
}

/** Opens an address and signs in there. */
export async function signIn({ page }: Watched, { origin }: Service, key: string, path = "/console"): Promise<void> {
  await page.goto(`${origin}${path}`);
  await page.getByLabel("Organisation", { exact: true }).fill("acme");
  await page.getByLabel("Organisation key").fill(key);
  await page.getByRole("button", { name: "Open" }).click();
  await page.getByRole("navigation", { name: "Sections" }).waitFor();
}

/** Follows an address inside the open page, as a link does: a reload would forget the key. */
export async function follow({ page }: Watched, path: string): Promise<void> {
  await page.evaluate((to) => {
    history.pushState(null, "", to);
    dispatchEvent(new PopStateEvent("popstate"));
  }, path);
}

/** What was copied last. The page itself may not read it, so another one does. */
export async function copied({ page }: Watched, { origin }: Service): Promise<string> {
  const reader = await page.context().newPage();
  await reader.goto(`${origin}/health`);
  await reader.bringToFront();
  const text = await reader.evaluate(() => navigator.clipboard.readText());
  await reader.close();
  await page.bringToFront();
  return text;
}

/** All that could give something away: the document with what stands in its controls, all storage, the address, what was said. */
export async function everything({ page, said }: Watched): Promise<string> {
  const inside = await page.evaluate(async () => {
    const controls = [...document.querySelectorAll("input, textarea")].map((control) =>
      control instanceof HTMLInputElement || control instanceof HTMLTextAreaElement ? control.value : "",
    );
    const databases = await indexedDB.databases();
    return JSON.stringify([
      document.documentElement.outerHTML,
      controls,
      { ...localStorage },
      { ...sessionStorage },
      databases,
      document.cookie,
      window.name,
      location.href,
      history.state,
    ]);
  });
  return `${inside}\n${said.join("\n")}`;
}

/** Nothing is kept anywhere, nobody else was asked, the policy was not touched and nothing failed by itself. */
export async function expectClean(watched: Watched, { origin }: Service): Promise<void> {
  const kept = await watched.page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie]);
  expect(kept).toEqual([0, 0, ""]);
  expect(await watched.page.context().cookies()).toEqual([]);
  expect(watched.asked.filter((url) => !url.startsWith(`${origin}/`) && !url.startsWith("data:"))).toEqual([]);
  // A refusal is told by the browser itself; it names an address and a status.
  expect(
    watched.said.filter(
      (line) => !/^error: Failed to load resource: the server responded with a status of 4\d\d/.test(line),
    ),
  ).toEqual([]);
}
