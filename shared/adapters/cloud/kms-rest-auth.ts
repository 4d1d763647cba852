import { type GoogleAuth, PassThroughClient } from "google-auth-library";

type Options = Parameters<PassThroughClient["request"]>[0];

/**
 * Credentials for Google's clients over REST, with requests sent by Node's own fetch. The clients' deadline aborts the
 * request also while its token is still being fetched, and node-fetch 3, which google-auth-library takes by default,
 * then destroys the body without anyone listening: an uncaught exception that ends the process. No redirect is followed,
 * since bodies hold plaintext, and refusals come back as Google has written them.
 *
 * Source: node-fetch 3.3.2 `src/index.js`, gaxios 7 `_defaultAdapter`, read 2026-11-21.
 */
export class RestCredentials extends PassThroughClient {
  readonly #auth: GoogleAuth;

  constructor(auth: GoogleAuth) {
    super();
    this.#auth = auth;
  }

  override async request<T>(options: Options) {
    const client = await this.#auth.getClient();
    await client.getRequestHeaders(String(options.url));
    if (options.signal?.aborted) throw new DOMException("given up before it was sent", "AbortError");
    return await client.request<T>({
      ...options,
      fetchImplementation: fetch,
      redirect: "error",
      validateStatus: () => true,
    });
  }

  override getRequestHeaders(): Promise<Headers> {
    return this.#auth.getRequestHeaders();
  }

  override async getAccessToken() {
    return { token: (await this.#auth.getAccessToken()) ?? null };
  }
}
