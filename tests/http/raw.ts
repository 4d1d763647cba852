import { connect } from "node:net";

/** An answer as it came over the wire. */
export interface RawReply {
  /** 0 where the connection ended without an answer. */
  status: number;
  /** By name in lower case; repeated ones joined by `, `. */
  headers: Record<string, string>;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at members of every answer
  body: any;
}

/** Sends bytes as they are, in pieces where `pieces` are given, and reads until the other side closes. */
export function exchange(
  origin: string,
  bytes: string | Buffer,
  options: { timeoutMs?: number; pieces?: Iterable<string | Buffer> } = {},
): Promise<RawReply> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(Number(port), hostname, () => {
      socket.write(bytes);
      for (const piece of options.pieces ?? []) socket.write(piece);
    });
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error("the service left the connection open"));
    }, options.timeoutMs ?? 5_000);
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("error", () => {}); // a reset while we still write; what was answered before it counts
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(parse(Buffer.concat(chunks).toString("utf8")));
    });
  });
}

/** The bytes of a request; `Host` and `Connection: close` are added, header lines go out as they stand. */
export function request(
  method: string,
  target: string,
  lines: readonly string[] = [],
  body: string | Buffer = "",
): Buffer {
  const length = Buffer.byteLength(body);
  const own = lines.some((line) => /^(?:content-length|transfer-encoding):/i.test(line));
  const head = [
    `${method} ${target} HTTP/1.1`,
    "Host: 127.0.0.1",
    "Connection: close",
    ...lines,
    ...(length > 0 && !own ? [`Content-Length: ${length}`] : []),
  ];
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`, "utf8"), Buffer.from(body)]);
}

function parse(text: string): RawReply {
  const cut = text.indexOf("\r\n\r\n");
  const [first = "", ...lines] = text.slice(0, cut === -1 ? text.length : cut).split("\r\n");
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  const body = cut === -1 ? "" : text.slice(cut + 4);
  let parsed: unknown = null;
  try {
    parsed = JSON.parse(body);
  } catch {
    parsed = null;
  }
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1] ?? 0), headers, text: body, body: parsed };
}
