import { z } from "zod";
import * as answers from "../../shared/contract/answers.ts";
import * as bodies from "../../shared/contract/bodies.ts";
import type { RouteName } from "../../shared/contract/routes.ts";

/** What stands under `components/schemas`, by name. */
const sent = {
  SetupBody: bodies.setupBody,
  ImportBody: bodies.importBody,
  EmptyBody: bodies.emptyBody,
  UpdateBody: bodies.updateBody,
  RotateBody: bodies.rotateBody,
  DecryptBody: bodies.decryptBody,
  FailureReport: bodies.failuresBody,
  SweepBody: bodies.revalidateBody,
};
const answered = {
  Capability: answers.capability,
  Readiness: answers.readiness,
  Stored: answers.configuredAnswer,
  Verdict: answers.verdictAnswer,
  IntegrationList: answers.listAnswer,
  IntegrationInfo: answers.integrationInfo,
  History: answers.historyAnswer,
  Instructions: answers.instructionsAnswer,
  Provider: answers.publicProvider,
  Providers: answers.providersAnswer,
  Deleted: answers.deletedAnswer,
  ImportResult: answers.importAnswer,
  DecryptedCredential: answers.decryptAnswer,
  Reported: answers.reportedAnswer,
  SweepResult: answers.sweepAnswer,
  Problem: answers.problemAnswer,
};

export type SchemaName = keyof typeof sent | keyof typeof answered;

/** What a route takes, and what it answers by status. */
export interface Shape {
  body?: keyof typeof sent;
  /** The last is a document of its own, not one of ours. */
  answers: Record<number, ReadonlyArray<keyof typeof answered> | "openapi">;
}

export const shapes: Record<RouteName, Shape> = {
  setup: { body: "SetupBody", answers: { 200: ["Stored", "Verdict"], 201: ["Stored"] } },
  import: { body: "ImportBody", answers: { 200: ["ImportResult"] } },
  validate: { body: "EmptyBody", answers: { 200: ["Verdict"] } },
  list: { answers: { 200: ["IntegrationList"] } },
  providers: { answers: { 200: ["Providers"] } },
  openapi: { answers: { 200: "openapi" } },
  get: { answers: { 200: ["IntegrationInfo"] } },
  history: { answers: { 200: ["History"] } },
  instructions: { answers: { 200: ["Instructions"] } },
  update: { body: "UpdateBody", answers: { 200: ["Stored"] } },
  rotate: { body: "RotateBody", answers: { 200: ["Stored"] } },
  delete: { answers: { 200: ["Deleted"], 202: ["Deleted"] } },
  decrypt: { body: "DecryptBody", answers: { 200: ["DecryptedCredential"] } },
  failures: { body: "FailureReport", answers: { 202: ["Reported"] } },
  revalidate: { body: "SweepBody", answers: { 200: ["SweepResult"] } },
};

/** The zod schema of an answer, for whoever checks one. */
export function schemaOf(name: keyof typeof answered): z.ZodType {
  return answered[name];
}

export function reference(name: SchemaName): { $ref: string } {
  return { $ref: `#/components/schemas/${name}` };
}

/** Every schema as JSON Schema 2020-12, which refer to each other by name. */
export function schemaComponents(): Record<string, object> {
  return { ...named(sent, "input"), ...named(answered, "output") };
}

function named(schemas: Readonly<Record<string, z.ZodType>>, io: "input" | "output"): Record<string, object> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(schemas)) registry.add(schema, { id });
  const made = z.toJSONSchema(registry, {
    io,
    unrepresentable: "any",
    uri: (id) => `#/components/schemas/${id}`,
    // A format says it in one word.
    override: ({ jsonSchema }) => {
      if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
    },
  });
  return Object.fromEntries(
    Object.entries(made.schemas).map(([id, { $schema: _, $id: __, ...schema }]) => [id, schema]),
  );
}
