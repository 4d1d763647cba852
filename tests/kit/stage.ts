import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { RecordedRequest } from "../simulators/start.ts";
import { transmit } from "../simulators/transmit.ts";
import type { Answer } from "./case.ts";

/** One address that gives one answer, and what reached it. */
export interface Scene {
  /** Base URL; everything below it is answered the same. */
  base: string;
  asked: Request[];
  /** What followed a redirect: always empty for a client that behaves. */
  followed: Request[];
}

/** What was asked, in the words of the simulators. */
export type Request = Pick<RecordedRequest, "method" | "path" | "headers" | "body">;

/** A server on loopback that gives whoever asks what a case wants him to be given. */
export interface Stage {
  /** A redirect leads to where `tempting` is answered. */
  play(answer: Answer, tempting: Answer): Scene;
  close(): Promise<void>;
}

export async function openStage(): Promise<Stage> {
  const scenes = new Map<string, { answer: Answer; tempting: Answer; scene: Scene }>();
  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, where = "", id = ""] = (request.url ?? "").split("/");
    const played = scenes.get(id);
    if (played === undefined) return void response.destroy();
    const path = (request.url ?? "").slice(where.length + id.length + 2);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    const asked = { method: request.method ?? "GET", path, headers, body: Buffer.concat(chunks).toString("utf8") };
    const isSink = where === "sink";
    (isSink ? played.scene.followed : played.scene.asked).push(asked);
    const { status, headers: given, text, transport } = isSink ? played.tempting : played.answer;
    const location = transport === "redirect" ? { location: `${origin}/sink/${id}${path}` } : {};
    const rendered = { status, headers: { ...given, ...location }, body: text };
    transmit(response, { name: id, ...rendered, source: "", transport, reads: null }, rendered);
  }

  return {
    play(answer, tempting) {
      const id = String(scenes.size);
      const scene: Scene = { base: `${origin}/scene/${id}`, asked: [], followed: [] };
      scenes.set(id, { answer, tempting, scene });
      return scene;
    },
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
