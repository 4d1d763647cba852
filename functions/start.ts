import "./gateway.ts";
import { getTestServer } from "@google-cloud/functions-framework/testing";
import { PREFIX } from "../shared/contract/names.ts";
import { planOrExit, start } from "./parts.ts";

const HOST = "127.0.0.1";

const { environment } = planOrExit(null);
await start(null)().catch((error: unknown) => {
  const why = error instanceof Error ? error.message : "unknown";
  const remedy = environment.cloud ? "" : ". Look at INTEGRATIONS_HOME: it must be a folder of yours";
  process.stderr.write(`The store cannot be opened: ${why}${remedy}\n`);
  process.exit(1);
});
const server = getTestServer("gateway");
server.on("error", (error) => {
  const taken = "code" in error && error.code === "EADDRINUSE";
  process.stderr.write(
    taken
      ? `Port ${environment.port} is taken: set PORT to another one, for example PORT=8001\n`
      : `The server cannot listen on PORT ${environment.port}\n`,
  );
  process.exit(1);
});
server.listen(environment.port, HOST, () => {
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : environment.port;
  process.stdout.write(`cloudact-integrations ready http://${HOST}:${port}${PREFIX}\n`);
});
