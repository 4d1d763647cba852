import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { ClientRequest } from "node:http";
import { isRecord } from "../stored/json.ts";

/** A call of a client that cannot be told to stop. */
interface Attempt {
  /** Whether a request has been begun. */
  wasSent(): boolean;
  /** Cuts the connection of a request that still waits; after a reply it does nothing. */
  end(): void;
}

/**
 * Ends requests of a client that has no means for it: the BigQuery client hands its `timeout` to node-fetch 3, which
 * knows none, so a server that accepts and is silent would keep a socket for ever. Node tells of every request when it
 * is made, in the context it is made in. The token's own request goes another way and is left alone.
 *
 * Source: https://nodejs.org/api/diagnostics_channel.html#http (`http.client.request.created`)
 */
export function abortable(): { begin(call: () => void): Attempt; abortAll(): void } {
  const context = new AsyncLocalStorage<Set<ClientRequest>>();
  const open = new Set<Set<ClientRequest>>();
  const onCreated = (message: unknown) => {
    const requests = context.getStore();
    if (requests === undefined || !isRecord(message)) return;
    const { request } = message;
    if (request instanceof ClientRequest) requests.add(request);
  };
  const end = (requests: Set<ClientRequest>) => {
    open.delete(requests);
    // One that has its whole reply counts as destroyed already: its socket is kept for the next.
    for (const request of requests) request.destroy();
  };
  subscribe("http.client.request.created", onCreated);
  return {
    begin(call) {
      const requests = new Set<ClientRequest>();
      open.add(requests);
      context.run(requests, call);
      return { wasSent: () => requests.size > 0, end: () => end(requests) };
    },
    abortAll() {
      for (const requests of open) end(requests);
      unsubscribe("http.client.request.created", onCreated);
    },
  };
}
