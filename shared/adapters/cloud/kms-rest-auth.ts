import { type GoogleAuth, PassThroughClient } from "google-auth-library";

type Options = Parameters<PassThroughClient["request"]>[0];

/**
 * Credentials for Google's clients over REST, with requests sent by Node's own fetch. The clients' deadline aborts a
 * request also while its token is still being fetched, and node-fetch 3, which google-auth-library takes by itself, then
 * destroys the body with nobody listening: an uncaught exception, which ends the process. No redirect is followed, since
 * bodies hold plaintext.
 *
 * Source: node-fetch 3.3.2 `src/index.js`, gaxios 8.3.3 `gaxios.js`, google-gax 6.17.0 `fallbackServiceStub.js`, read
 * 2026-11-21.
 */
export class RestCredentials extends PassThroughClient {
  readonly #auth: GoogleAuth;

  constructor(auth: GoogleAuth) {
    super();
    this.#auth = auth;
  }

  override async request<T>(options: Options) {
    const client = await this.#auth.getClient();
    return await client.request<T>({ ...options, fetchImplementation: fetch, redirect: "error" });
  }

  override getRequestHeaders(): Promise<Headers> {
    return this.#auth.getRequestHeaders();
  }

  override async getAccessToken() {
    return { token: (await this.#auth.getAccessToken()) ?? null };
  }
}
