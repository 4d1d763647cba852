import { type FaultCode, faults } from "../../shared/contract/fault.ts";
import type { Route } from "../../shared/contract/routes.ts";
import { answerExamples, type RequestExample, requestExamples } from "./examples.ts";
import { answerHeaders, problemHeaders } from "./headers.ts";
import { parametersOf } from "./parameters.ts";
import { refusalsOf } from "./refusals.ts";
import { reference, shapes } from "./shapes.ts";

/** One route as an operation object. */
export function operation(route: Route): object {
  const isAlias = route.path.endsWith("/status");
  return {
    operationId: isAlias ? "get_status" : route.name,
    summary: route.summary,
    description: route.description,
    tags: [route.fn],
    ...(isAlias ? { deprecated: true } : {}),
    security: security(route),
    parameters: parametersOf(route),
    ...requestBody(route),
    responses: { ...answers(route), ...refusals(route) },
  };
}

/** The one route that is no function's own. */
export function health(): object {
  const schema = {
    type: "object",
    properties: { status: { const: "ok" } },
    required: ["status"],
    additionalProperties: false,
  };
  return {
    operationId: "health",
    summary: "Whether the process answers",
    description: "Looks at nothing: neither store nor key.",
    tags: ["health"],
    security: [],
    responses: {
      200: {
        description: "It does",
        headers: problemHeaders(200),
        content: { "application/json": { schema, examples: { ok: { summary: "It does", value: { status: "ok" } } } } },
      },
      405: { $ref: `#/components/responses/${responseName(405, ["method_not_allowed"])}` },
    },
  };
}

function security({ caller }: Route): object[] {
  switch (caller) {
    case "anyone":
      return [];
    case "read":
    case "manage":
      return [{ organizationKey: [] }];
    case "pipeline":
      return [{ identityToken: [] }, { identityToken: [], platformToken: [] }];
    case "scheduler":
      return [{ identityToken: [] }];
  }
}

function requestBody(route: Route): object {
  const { body } = shapes[route.name];
  if (body === undefined) return {};
  const examples = Object.entries(requestExamples[route.name] ?? {});
  return {
    requestBody: {
      required: route.body === "required",
      content: {
        "application/json": {
          schema: reference(body),
          examples: Object.fromEntries(
            examples.map(([name, one]) => [name, { summary: summaryOf(route, one), value: one.value }]),
          ),
        },
      },
    },
  };
}

/** Which provider it is for stands in the path, which an example cannot show. */
function summaryOf(route: Route, { summary, provider, query }: RequestExample): string {
  if (provider === undefined && query === undefined) return summary;
  const path = route.path.replace("{org}", "acme").replace("{provider}", provider ?? "openai");
  return `${summary} (${route.method} ${path}${query === undefined ? "" : `?${query}`})`;
}

function answers(route: Route): Record<string, object> {
  return Object.fromEntries(
    Object.entries(shapes[route.name].answers).map(([status, names]) => {
      const examples = answerExamples[route.name][Number(status)] ?? {};
      const schema =
        names === "openapi"
          ? { type: "object" }
          : names.length === 1
            ? names.map(reference)[0]
            : { anyOf: names.map(reference) };
      return [
        status,
        {
          description: Object.values(examples)[0]?.summary ?? "This document",
          headers: answerHeaders(route, Number(status)),
          content: { "application/json": { schema, ...(Object.keys(examples).length ? { examples } : {}) } },
        },
      ];
    }),
  );
}

/** References to the refusals of a route, by status. */
function refusals(route: Route): Record<string, object> {
  return Object.fromEntries(
    [...byStatus(route)].map(([status, codes]) => [
      status,
      { $ref: `#/components/responses/${responseName(status, codes)}` },
    ]),
  );
}

/** Every refusal that a route refers to: one for each set of codes that a status can mean. */
export function refusalComponents(routes: readonly Route[]): Record<string, object> {
  const sets = routes.flatMap((route) => [...byStatus(route)]);
  return Object.fromEntries(sets.map(([status, codes]) => [responseName(status, codes), response(status, codes)]));
}

function byStatus(route: Route): Map<number, FaultCode[]> {
  return Map.groupBy(refusalsOf(route), (code) => faults[code].status);
}

function responseName(status: number, codes: readonly FaultCode[]): string {
  return [status, ...codes].join(".");
}

function response(status: number, codes: readonly FaultCode[]): object {
  const examples = codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]);
  return {
    description: codes.map((code) => `\`${code}\`: ${faults[code].title}`).join(". "),
    headers: problemHeaders(status),
    content: {
      "application/problem+json": { schema: reference("Problem"), examples: Object.fromEntries(examples) },
    },
  };
}
