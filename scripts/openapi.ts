import { readFileSync } from "node:fs";
import { faults } from "../shared/contract/fault.ts";
import { PREFIX } from "../shared/contract/names.ts";
import { type FunctionName, routes } from "../shared/contract/routes.ts";
import { headers } from "./openapi/headers.ts";
import { health, operation, refusalComponents } from "./openapi/operation.ts";
import { parameters } from "./openapi/parameters.ts";
import { problemExamples } from "./openapi/problems.ts";
import { schemaComponents } from "./openapi/shapes.ts";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

const DESCRIPTION = `Takes the keys of cloud and AI accounts, proves that they work, keeps them encrypted, and hands them to cost pipelines and to nobody else.

JSON in, JSON out. Times are RFC 3339, UTC, with milliseconds. Unknown keys and parameters are refused, and no answer but \`decrypt\`'s ever holds a credential. Every refusal is a problem document (RFC 9457) whose \`code\` is one of \`x-faults\`; \`retryable\` there says whether the same request may succeed later. GET routes take HEAD as well.

Deployed function by function, each function also answers at an address of its own, there without \`${PREFIX}\`.`;

const tags: Record<FunctionName | "health", string> = {
  setup: "Proves credentials, encrypts and stores them.",
  validate: "Asks a provider again about a stored credential.",
  list: "An organisation's integrations, the providers there are, and this document.",
  get: "One integration, its history, and what to create at its provider.",
  update: "Changes what is stored, the credential included.",
  delete: "Deletes, now or at a time.",
  decrypt: "For pipelines: the credential, and the report that it was refused.",
  revalidate: "For the Scheduler: the sweep.",
  health: "Whether a process answers; every function has it.",
};

/** The contract as an OpenAPI 3.1 document. */
export function openapi(): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = `${PREFIX}${route.path}`;
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) };
  }
  paths["/health"] = { get: health() };
  return {
    openapi: "3.1.0",
    info: {
      title: "CloudAct integrations",
      version,
      description: DESCRIPTION,
      license: { name: "Proprietary", identifier: "LicenseRef-Proprietary" },
    },
    servers: [
      { url: "http://127.0.0.1:8000", description: "This machine: npm start" },
      {
        url: "https://{host}",
        description: "The gateway, or the load balancer before the functions",
        variables: { host: { default: "integrations.internal", description: "Where it is deployed" } },
      },
    ],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: schemaComponents(),
      parameters,
      headers,
      responses: refusalComponents(routes),
      examples: problemExamples(),
      securitySchemes: {
        organizationKey: {
          type: "apiKey",
          in: "header",
          name: "X-API-Key",
          description: "An organisation's key, with the scope read or manage.",
        },
        identityToken: {
          type: "http",
          scheme: "bearer",
          bearerFormat: "JWT",
          description:
            "A Google-signed identity token for the audience of the function; locally one of the local issuer.",
        },
        platformToken: {
          type: "apiKey",
          in: "header",
          name: "X-Serverless-Authorization",
          description:
            "On Cloud Run, as `Bearer …`, the token that Cloud Run itself checks, for the function's address: it would remove the signature of the one in Authorization.",
        },
      },
    },
    "x-faults": Object.fromEntries(
      Object.entries(faults).map(([code, { status, retryable, title }]) => [code, { status, retryable, title }]),
    ),
  };
}
