import { Agent, type IncomingHttpHeaders, request } from "node:http";
import { createServer, type Db, ensureMetaSchema } from "bigquery-local";
import { createSealedDb } from "./shim.ts";

/** What stands behind the proxy: bigquery-local on a loopback port, and its DuckDB. */
export interface Engine {
  /** Hands one request to the emulator as it is; `body` is parsed JSON. */
  ask(method: string, path: string, body?: unknown): Promise<EngineAnswer>;
  /** DuckDB itself: its own dialect, its own names (`"project__dataset"."table"`). */
  readonly db: Db;
  /** Runs `work` while nothing else reaches the emulator: DuckDB has one connection, so this is the unit of atomicity. */
  alone<Result>(work: () => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

export interface EngineAnswer {
  status: number;
  body: unknown;
}

/** Boots the emulator in this process; no download, no file, no port but 127.0.0.1. */
export async function startEngine(): Promise<Engine> {
  const db = await createSealedDb();
  await ensureMetaSchema(db);
  const server = await createServer({ db: withoutBookkeeping(db) });
  // The emulator would bind to every interface of the machine; its `listen` passes its argument on to node, which also
  // takes options. Its `url` names localhost, which may be ::1 first.
  await Reflect.apply(server.listen, server, [{ host: "127.0.0.1", port: 0 }]);
  const origin = new URL(server.url);
  const agent = new Agent({ keepAlive: false }); // a connection that idles out under a request would look like a fault

  let last: Promise<unknown> = Promise.resolve();
  return {
    db,
    ask: (method, path, body) => ask(agent, Number(origin.port), method, path, body),
    alone(work) {
      const turn = last.then(work);
      last = turn.catch(() => undefined);
      return turn;
    },
    async close() {
      await last;
      agent.destroy();
      await server.close();
      await db.close();
    },
  };
}

/**
 * The emulator writes a row per job, per row of every result and per column of every table into DuckDB, for polling,
 * paging and INFORMATION_SCHEMA. The proxy keeps jobs and pages itself and nobody asks for the last, so these are left
 * out: they cost more than the statements do.
 */
function withoutBookkeeping(db: Db): Db {
  const skipped = /^\s*(?:INSERT INTO|DELETE FROM) _bq\.(?:jobs|job_rows|table_columns|table_field_paths)\b/;
  return {
    ...db,
    exec: async (sql, params) => (skipped.test(sql) ? undefined : db.exec(sql, params)),
    query: async (sql, params) => (/\bFROM _bq\.jobs\b/.test(sql) ? [] : db.query(sql, params)),
  };
}

function ask(agent: Agent, port: number, method: string, path: string, body: unknown): Promise<EngineAnswer> {
  const sent = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const headers: IncomingHttpHeaders = sent === undefined ? {} : { "content-type": "application/json" };
  return new Promise((resolve, reject) => {
    const call = request({ agent, host: "127.0.0.1", port, method, path, headers }, (reply) => {
      const chunks: Buffer[] = [];
      reply.on("data", (chunk: Buffer) => chunks.push(chunk));
      reply.on("error", reject);
      reply.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        resolve({ status: reply.statusCode ?? 500, body: text === "" ? null : JSON.parse(text) });
      });
    });
    call.on("error", reject);
    call.end(sent);
  });
}
