import "../../functions/quiet.ts";
import { http } from "@google-cloud/functions-framework";
import { getTestServer } from "@google-cloud/functions-framework/testing";

/* A function whose bug nobody catches, for tests: it answers nothing and rejects beside its handler, with a secret in the text. */

http("stray", (request) => {
  if (request.headers["x-mode"] === "throw") setImmediate(() => thrown());
  else void Promise.reject(new RangeError("sk-live-stray-secret"));
});

function thrown(): never {
  throw new TypeError("sk-live-stray-secret");
}

const server = getTestServer("stray");
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(`${typeof address === "object" && address !== null ? address.port : 0}\n`);
});
