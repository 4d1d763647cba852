import { connect, createServer, type Socket } from "node:net";
import { PREFIX } from "../../shared/contract/names.ts";
import { type FunctionName, routes } from "../../shared/contract/routes.ts";
import { prepareArtifacts } from "./prepared.ts";
import { type Running, startArtifact } from "./start-artifact.ts";

/** The eight artifacts behind one port, as the load balancer puts six of them behind one host. */
export interface Together {
  /** `http://127.0.0.1:P` */
  origin: string;
  /** What all of them have printed, process by process, in whole lines where a process still runs. */
  output(): { stdout: string; stderr: string };
  /** Ends a function's process, if there is one: its next request gets a new instance. */
  renew(name: FunctionName): Promise<void>;
  /** Ends all with a signal and resolves with 0, or the first exit code that is another. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

const MOST_HEAD = 16_384;
/** Who answers what no function knows, as behind the load balancer. */
const REST: FunctionName = "list";

/**
 * Every connection goes to the artifact that its first request is for, byte for byte; so a connection has to be closed
 * after its answer. An artifact starts when it is first wanted.
 */
export async function startTogether(envOf: (name: FunctionName) => Record<string, string>): Promise<Together> {
  await prepareArtifacts();
  const started = new Map<FunctionName, Promise<Running>>();
  const processes: Running[] = [];
  const artifact = (name: FunctionName): Promise<Running> => {
    const known = started.get(name);
    if (known) return known;
    const starting = startArtifact(name, envOf(name)).then((one) => {
      processes.push(one);
      return one;
    });
    started.set(name, starting);
    return starting;
  };
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    forward(socket, async (head) => (await artifact(functionFor(head))).origin);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const printed = (stream: "stdout" | "stderr") => processes.map((one) => wholeLines(one, stream)).join("");
  return {
    origin: `http://127.0.0.1:${address.port}`,
    output: () => ({ stdout: printed("stdout"), stderr: printed("stderr") }),
    renew: async (name) => {
      const old = started.get(name);
      started.delete(name);
      await (await old)?.stop();
    },
    stop: async (signal) => {
      server.close();
      await Promise.allSettled(started.values());
      const codes = await Promise.all(processes.map((one) => one.stop(signal)));
      return codes.find((code) => code !== 0) ?? 0;
    },
  };
}

function wholeLines({ child, output }: Running, stream: "stdout" | "stderr"): string {
  const text = output()[stream];
  const isOver = child.exitCode !== null || child.signalCode !== null;
  return isOver ? text : text.slice(0, text.lastIndexOf("\n") + 1);
}

/** Reads as much of the head as tells where to, and lets both sides talk. */
function forward(socket: Socket, originFor: (head: string) => Promise<string>): void {
  let bytes = Buffer.alloc(0);
  const onData = (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    const asks = bytes.subarray(0, 8).toString("latin1") === "OPTIONS ";
    const end = bytes.indexOf(asks ? "\r\n\r\n" : "\r\n");
    if (end === -1 && bytes.length < MOST_HEAD) return;
    socket.off("data", onData).pause();
    originFor(bytes.subarray(0, end === -1 ? 0 : end).toString("latin1")).then(
      (origin) => {
        const there = connect({ port: Number(new URL(origin).port), host: "127.0.0.1", allowHalfOpen: true });
        there.on("error", () => socket.destroy());
        socket.on("error", () => there.destroy());
        there.write(bytes);
        socket.pipe(there).pipe(socket);
      },
      () => socket.destroy(),
    );
  };
  socket.on("data", onData);
}

/**
 * Which function's URL a client would have used, decided by the path's template and the method, before anybody has
 * looked at what stands in it. A browser's question goes where its request will go; a method that no function has goes
 * to the function that reads.
 */
function functionFor(head: string): FunctionName {
  const [line = "", ...fields] = head.split("\r\n");
  const [sent = "GET", target = "/"] = line.split(" ");
  const asked = fields.find((field) => /^access-control-request-method:/i.test(field))?.split(":")[1];
  const method = sent === "OPTIONS" && asked !== undefined ? asked.trim() : sent;
  const segments = (target.split("?")[0] ?? "").split("/");
  const matching = templates.filter(
    ({ parts }) =>
      parts.length === segments.length && parts.every((part, at) => part.startsWith("{") || part === segments[at]),
  );
  const most = Math.max(...matching.map(({ literals }) => literals));
  const candidates = matching.filter(({ literals }) => literals === most);
  const has = (wanted: string) => candidates.find((one) => one.method === wanted);
  return (has(method === "HEAD" ? "GET" : method) ?? has("GET") ?? candidates[0])?.fn ?? REST;
}

const templates = routes.map(({ fn, method, path }) => {
  const parts = `${PREFIX}${path}`.split("/");
  return { fn, method, parts, literals: parts.filter((part) => !part.startsWith("{")).length };
});
