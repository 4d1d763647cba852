import { createServer } from "node:net";
import { openBackend } from "../service/backend.ts";
import { exampleKeys, type Simulators } from "../simulators/start.ts";
import { openShell, type Shell } from "./shell.ts";

/** A reader's terminal, beside a service of their own. */
export interface Session {
  shell: Shell;
  /** Where the service listens instead of at 8000. */
  port: number;
  close(): Promise<void>;
}

/** A terminal with a fresh home, and a service that runs. */
export async function openSession(simulators: Simulators): Promise<Session> {
  simulators.reset();
  const backend = await openBackend(undefined);
  const port = await freePort();
  const shell = openShell({
    ...simulators.env,
    ...backend.env(),
    PORT: String(port),
    INTEGRATIONS_URL: `http://127.0.0.1:${port}/api/v1/integrations`,
    INTEGRATIONS_RATE_LIMIT: "0",
    OPENAI_BASE_URL: String(simulators.env["INTEGRATIONS_ENDPOINT_OPENAI_API"]),
  });
  await shell.run("npm start");
  return {
    shell,
    port,
    close: async () => {
      await shell.close();
      await backend.close();
    },
  };
}

/** The pages' commands name a port before they start what listens there. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** A text with what a page stands for with an ellipsis, as the simulated providers take it. */
export function filledIn(text: string, port: number, org: string = "acme"): string {
  const openai = exampleKeys("OPENAI");
  return text
    .replaceAll("sk-admin-…another", String(openai.another))
    .replaceAll("sk-admin-…", String(openai.admin))
    .replaceAll("127.0.0.1:8000", `127.0.0.1:${port}`)
    .replaceAll("YOUR_ORG", org);
}

/** The answer of a block's last request. @throws SyntaxError where there is none */
export function lastAnswer(text: string): unknown {
  return JSON.parse(text.slice(Math.max(text.lastIndexOf('{"success"'), text.lastIndexOf('{"org_slug"'), 0)));
}
