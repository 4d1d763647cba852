import { afterAll, beforeAll, describe, test } from "vitest";
import { type Service, startService } from "../service/harness.ts";
import { exampleKeys } from "../simulators/start.ts";
import { expectProblem } from "./problem.ts";

let service: Service;
const keys = { own: "", read: "", other: "", spent: "" };

beforeAll(async () => {
  service = await startService({ env: { INTEGRATIONS_RATE_LIMIT: "1" } });
  keys.own = await service.orgKey("acme");
  keys.read = await service.orgKey("acme", "read");
  keys.other = await service.orgKey("globex");
  keys.spent = await service.orgKey("spent");
  await service.grant("pipeline", ["acme"], ["OPENAI"]);
  for (const [org, key] of [
    ["acme", keys.own],
    ["spent", keys.spent],
  ] as const)
    await service.send("POST", `/${org}/openai/setup`, { key, body: { credential: exampleKeys("OPENAI").good } });
});
afterAll(() => service.close());

/** A setup request, piece by piece; what is wrong with it is put in piece by piece too. */
interface Draft {
  method: string;
  org: string;
  provider: string;
  key: string | null;
  body: string;
  headers: Record<string, string>;
  query: string;
}

/** In the order in which the contract checks. Each spoils what no other one spoils, or the same more thoroughly. */
const wrongs: Array<{ name: string; status: number; code: string; spoil: (draft: Draft) => Partial<Draft> }> = [
  { name: "the path", status: 404, code: "route_unknown", spoil: () => ({ org: "Acme" }) },
  { name: "the method", status: 405, code: "method_not_allowed", spoil: () => ({ method: "PATCH" }) },
  { name: "the size", status: 413, code: "payload_too_large", spoil: ({ body }) => ({ body: body.padEnd(131_073) }) },
  {
    name: "the content type",
    status: 415,
    code: "media_type",
    spoil: ({ headers }) => ({ headers: { ...headers, "content-type": "text/plain" } }),
  },
  { name: "the JSON", status: 400, code: "request_malformed", spoil: ({ body }) => ({ body: body.replace("{", "[") }) },
  { name: "the key", status: 401, code: "org_key_invalid", spoil: () => ({ key: null }) },
  { name: "the organisation", status: 403, code: "forbidden", spoil: ({ key }) => ({ key: key && keys.other }) },
  { name: "the provider", status: 404, code: "provider_unknown", spoil: () => ({ provider: "nosuch" }) },
  {
    name: "the budget",
    status: 429,
    code: "too_many_requests",
    spoil: (draft) => ({
      org: draft.org === "acme" ? "spent" : draft.org,
      key: draft.key === keys.own ? keys.spent : draft.key,
    }),
  },
  { name: "the query", status: 400, code: "request_malformed", spoil: () => ({ query: "?x=1" }) },
  {
    name: "the schema",
    status: 400,
    code: "request_malformed",
    spoil: ({ body }) => ({ body: body.replace("credential", "surplus") }),
  },
  {
    name: "the precondition",
    status: 412,
    code: "already_exists",
    spoil: ({ headers }) => ({ headers: { ...headers, "if-none-match": "*" } }),
  },
];

const pairs = wrongs.flatMap((earlier, index) => wrongs.slice(index + 1).map((later) => [earlier, later] as const));

describe("of two things that are wrong, the one that is checked first is named", () => {
  test.each(pairs.map(([earlier, later]) => [earlier.name, later.name, earlier, later] as const))(
    "%s before %s",
    async (_, __, earlier, later) => {
      const draft: Draft = {
        method: "POST",
        org: "acme",
        provider: "openai",
        key: keys.own,
        body: JSON.stringify({ credential: exampleKeys("OPENAI").good }),
        headers: {},
        query: "",
      };
      // From the last to the first, so that what is checked earlier is spoilt for good.
      for (const wrong of wrongs.toReversed())
        if (wrong === earlier || wrong === later) Object.assign(draft, wrong.spoil(draft));
      if (draft.key === keys.spent) await exhaust();
      const { method, org, provider, key, body, headers, query } = draft;
      const reply = await service.send(method, `/${org}/${provider}/setup${query}`, {
        ...(key ? { key } : {}),
        raw: body,
        headers,
      });
      expectProblem(reply, earlier.status, earlier.code);
    },
  );
});

describe("a pipeline is checked in the same order", () => {
  const run = { pipeline: "genai.payg_usage", run_id: "r" };
  const cases = [
    ["the token before the grant", "/globex/openai/decrypt", null, {}, 401, "caller_invalid"],
    ["the grant before the provider", "/globex/nosuch/decrypt", "pipeline", run, 403, "forbidden"],
    ["the provider before the grant for it", "/acme/nosuch/decrypt", "pipeline", run, 404, "provider_unknown"],
    ["the grant for the provider before the body", "/acme/groq/decrypt", "pipeline", {}, 403, "forbidden"],
    [
      "the body before what is stored",
      "/acme/openai/decrypt",
      "pipeline",
      { pipeline: "genai.other", run_id: "r" },
      400,
      "request_malformed",
    ],
  ] as const;
  test.each(cases)("%s", async (_, path, subject, body, status, code) => {
    const reply = await service.send("POST", path, {
      ...(subject ? { token: await service.token(subject) } : {}),
      body,
    });
    expectProblem(reply, status, code);
  });
});

/** Spends the budget of one organisation, by requests whose bodies are refused. */
async function exhaust(): Promise<void> {
  for (let sent = 0; sent < 130; sent += 1) {
    const { status } = await service.send("POST", "/spent/openai/setup", { key: keys.spent, body: {} });
    if (status === 429) return;
  }
  throw new Error("the budget is endless");
}
