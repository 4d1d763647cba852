import { z } from "zod";
import * as answers from "../shared/contract/answers.ts";
import * as bodies from "../shared/contract/bodies.ts";
import { faults } from "../shared/contract/fault.ts";
import { ORG_SLUG, PREFIX, PROVIDER_SLUG } from "../shared/contract/names.ts";
import { type Route, type RouteName, routes } from "../shared/contract/routes.ts";

interface Shape {
  body?: z.ZodType;
  /** Answers by status. */
  answers: Record<string, z.ZodType>;
}

const shapes: Record<RouteName, Shape> = {
  setup: {
    body: bodies.setupBody,
    answers: { 200: z.union([answers.configuredAnswer, answers.verdictAnswer]), 201: answers.configuredAnswer },
  },
  import: { body: bodies.importBody, answers: { 200: answers.importAnswer } },
  validate: { body: bodies.emptyBody, answers: { 200: answers.verdictAnswer } },
  list: { answers: { 200: answers.listAnswer } },
  providers: { answers: { 200: answers.providersAnswer } },
  openapi: { answers: { 200: z.record(z.string(), z.unknown()) } },
  get: { answers: { 200: answers.integrationInfo } },
  history: { answers: { 200: answers.historyAnswer } },
  instructions: { answers: { 200: answers.instructionsAnswer } },
  update: { body: bodies.updateBody, answers: { 200: answers.configuredAnswer } },
  rotate: { body: bodies.rotateBody, answers: { 200: answers.configuredAnswer } },
  delete: { answers: { 200: answers.deletedAnswer, 202: answers.deletedAnswer } },
  decrypt: { body: bodies.decryptBody, answers: { 200: answers.decryptAnswer } },
  failures: { body: bodies.failuresBody, answers: { 202: answers.reportedAnswer } },
  revalidate: { body: bodies.revalidateBody, answers: { 200: answers.sweepAnswer } },
};

const queries: Record<string, { schema: object; description: string }> = {
  dry_run: { schema: { type: "boolean" }, description: "Do everything but encrypt and store." },
  category: { schema: { enum: ["cloud", "genai", "saas"] }, description: "Only this category." },
  configured: { schema: { type: "boolean" }, description: "Only configured ones, or only the others." },
  expiring_within: {
    schema: { type: "string", pattern: "^[1-9]\\d{0,2}d$" },
    description: "Only those that expire within so many days.",
  },
  limit: { schema: { type: "integer", minimum: 1, maximum: 200, default: 50 }, description: "Items on a page." },
  cursor: { schema: { type: "string" }, description: "`next_cursor` of the page before." },
  deactivation_scheduled_at: {
    schema: { type: "string" },
    description: "Delete then instead of now: RFC 3339, or a date for its last second.",
  },
};

/** Statuses that a route can end with besides success, by what it does. */
function faultsOf(route: Route): number[] {
  const always = [404, 405, 500, 503];
  const called = route.caller === "anyone" ? [] : [400, 401, 403, 429];
  const bodied = route.body === "none" ? [] : [413, 415];
  const more: Partial<Record<RouteName, number[]>> = {
    setup: [409, 412, 422, 502],
    import: [409],
    update: [409, 412, 422, 502],
    rotate: [409, 412, 422, 502],
    delete: [409, 412],
    decrypt: [409, 422, 502],
    validate: [409],
  };
  return [...new Set([...always, ...called, ...bodied, ...(more[route.name] ?? [])])].sort();
}

/** The contract as an OpenAPI 3.1 document. */
export function openapi(): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = `${PREFIX}${route.path}`;
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "CloudAct integrations",
      version: "0.1.0",
      description:
        "Takes the keys of cloud and AI accounts, proves that they work, keeps them encrypted, and hands them to cost pipelines and to nobody else.",
    },
    servers: [{ url: "http://127.0.0.1:8000", description: "Local" }],
    paths,
    components: {
      schemas: { Problem: jsonSchema(answers.problemAnswer, "output") },
      securitySchemes: {
        organizationKey: {
          type: "apiKey",
          in: "header",
          name: "X-API-Key",
          description: "An organisation's key; read or manage.",
        },
        identityToken: {
          type: "http",
          scheme: "bearer",
          bearerFormat: "JWT",
          description: "A Google-signed identity token; locally one of the local issuer.",
        },
      },
    },
    "x-faults": Object.fromEntries(
      Object.entries(faults).map(([code, { status, retryable, title }]) => [code, { status, retryable, title }]),
    ),
  };
}

function operation(route: Route): object {
  const shape = shapes[route.name];
  const parameters = [
    ...(route.path.includes("{org}")
      ? [parameter("path", "org", { type: "string", pattern: ORG_SLUG.source, maxLength: 63 }, "Organisation slug.")]
      : []),
    ...(route.path.includes("{provider}")
      ? [
          parameter(
            "path",
            "provider",
            { type: "string", pattern: PROVIDER_SLUG.source },
            "Provider alias or code in lower case.",
          ),
        ]
      : []),
    ...route.query.map((name) =>
      parameter("query", name, queries[name]?.schema ?? {}, queries[name]?.description ?? ""),
    ),
    ...headersOf(route),
  ];
  const responses = {
    ...Object.fromEntries(
      Object.entries(shape.answers).map(([status, schema]) => [
        status,
        {
          description: Number(status) === 201 ? "Created" : "Done",
          content: { "application/json": { schema: jsonSchema(schema, "output") } },
        },
      ]),
    ),
    ...Object.fromEntries(
      faultsOf(route).map((status) => [
        status,
        {
          description: titlesOf(status),
          content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
        },
      ]),
    ),
  };
  return {
    operationId: route.path.endsWith("/status") ? "get_status" : route.name,
    summary: route.summary,
    ...(route.path.endsWith("/status") ? { deprecated: true } : {}),
    tags: [route.fn],
    security:
      route.caller === "anyone"
        ? []
        : [{ [route.caller === "read" || route.caller === "manage" ? "organizationKey" : "identityToken"]: [] }],
    ...(parameters.length ? { parameters } : {}),
    ...(shape.body
      ? {
          requestBody: {
            required: route.body === "required",
            content: { "application/json": { schema: jsonSchema(shape.body, "input") } },
          },
        }
      : {}),
    responses,
  };
}

function headersOf(route: Route): object[] {
  const text = { type: "string" };
  const changing = route.name === "setup" || route.name === "update" || route.name === "rotate";
  return [
    ...(changing || route.name === "import"
      ? [
          parameter(
            "header",
            "Idempotency-Key",
            { type: "string", minLength: 1, maxLength: 255 },
            "The same key and body within 24 h give the same answer, once stored.",
          ),
        ]
      : []),
    ...(changing || route.name === "delete"
      ? [parameter("header", "If-Match", text, "Only if the stored version has this ETag.")]
      : []),
    ...(route.name === "setup"
      ? [parameter("header", "If-None-Match", { const: "*" }, "Only if nothing is configured.")]
      : []),
  ];
}

function parameter(place: string, name: string, schema: object, description: string): object {
  return { in: place, name, required: place === "path", schema, description };
}

function titlesOf(status: number): string {
  return (
    Object.entries(faults)
      .filter(([, fault]) => fault.status === status)
      .map(([code]) => code)
      .join(", ") || "Refused"
  );
}

function jsonSchema(schema: z.ZodType, io: "input" | "output"): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return rest;
}
