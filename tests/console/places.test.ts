import { describe, expect, test } from "vitest";
import { readAddress, writeAddress } from "../../shared/console/places.ts";

const overview = { view: "overview", section: null };
const cloud = { view: "overview", section: "cloud" };
const genai = { view: "overview", section: "genai" };
const saas = { view: "overview", section: "saas" };
const of = (segment: string) => ({ view: "provider", segment });
const setup = (segment: string) => ({ view: "setup", segment });

describe("an address leads to its view", () => {
  test.each([
    ["", overview],
    ["/", overview],
    ["/integrations", overview],
    ["/settings/integrations", overview],
    ["/settings/integrations/cloud", cloud],
    ["/settings/integrations/gcp", of("gcp")],
    ["/integrations/genai/openai", of("openai")],
    ["/integrations/genai/anthropic", of("anthropic")],
    ["/integrations/genai/gemini", of("gemini")],
    ["/integrations/genai/deepseek", of("deepseek")],
    ["/integrations/gcp", of("gcp")],
    ["/integrations/subscriptions", saas],
  ])("without an organisation: /console%s", (path, place) => {
    expect(readAddress(`/console${path}`)).toEqual({ org: null, place, isUnknown: false });
  });

  test.each([
    ["", overview],
    ["/", overview],
    ["/integrations", overview],
    ["/integrations/", overview],
    ["/integrations/cloud-providers", cloud],
    ["/integrations/cloud-providers/gcp", of("gcp")],
    ["/integrations/llm", genai],
    ["/integrations/llm/openai", of("openai")],
    ["/integrations/llm/anthropic", of("anthropic")],
    ["/integrations/llm/gemini", of("gemini")],
    ["/integrations/llm/deepseek", of("deepseek")],
    ["/integrations/genai", genai],
    ["/integrations/subscriptions", saas],
    ["/integrations/subscriptions/figma", of("figma")],
    ["/integrations/subscriptions/custom-miro-team", of("custom-miro-team")],
    ["/integrations/aws_iam/setup", setup("aws_iam")],
    ["/integrations/llm/openai/setup", setup("openai")],
    ["/settings/integrations", overview],
    ["/settings/integrations/cloud", cloud],
    ["/settings/integrations/llm", genai],
    ["/settings/integrations/subscriptions", saas],
  ])("of an organisation: /console/acme%s", (path, place) => {
    expect(readAddress(`/console/acme${path}`)).toEqual({ org: "acme", place, isUnknown: false });
  });

  test.each([
    "/acme/billing",
    "/acme/settings",
    "/acme/settings/users",
    "/ACME",
    "/acme/integrations/llm/openai/setup/more",
    "/acme/integrations/llm/openai/logs",
    "/acme/integrations/llm/OpenAI",
    "/acme/integrations/%2e%2e",
    "/settings/users",
    "/integrations/a/b/c",
  ])("one that there is not leads to the overview, and says so: %s", (path) => {
    expect(readAddress(`/console${path}`)).toMatchObject({ place: overview, isUnknown: true });
  });

  test("an organisation may be called integrations", () => {
    expect(readAddress("/console/integrations/integrations/llm")).toEqual({
      org: "integrations",
      place: genai,
      isUnknown: false,
    });
  });
});

describe("a view's own address", () => {
  test.each([
    ["/console/acme/integrations", overview, null],
    ["/console/acme/integrations/cloud-providers", cloud, null],
    ["/console/acme/integrations/llm", genai, null],
    ["/console/acme/integrations/subscriptions", saas, null],
    ["/console/acme/integrations/llm/openai", of("openai"), "genai"],
    ["/console/acme/integrations/cloud-providers/aws/setup", setup("aws"), "cloud"],
    ["/console/acme/integrations/openai", of("openai"), null],
  ] as const)("is %s, and leads back to it", (path, place, section) => {
    const found = readAddress(path);
    expect(found).toEqual({ org: "acme", place, isUnknown: false });
    expect(writeAddress("acme", found.place, section)).toBe(path);
  });
});
