import type { IntegrationInfo, IntegrationSummary, Provider } from "../client/answers.ts";
import { type Client, createClient } from "../client/create-client.ts";
import type { Failure } from "../client/results.ts";

const BASE = "/api/v1/integrations";
/** How many integrations are asked for at once. */
const LANES = 4;

/** One integration as last read, with the version to change. */
export interface Detail {
  info: IntegrationInfo;
  etag: string | null;
}

/** What a key may do; `unknown` until the service has told. */
export type KeyScope = "manage" | "read" | "unknown";

/** An organisation as this page knows it. It lives in memory, as the key does, and ends with the page or when it is locked. */
export class Store {
  readonly org: string;
  readonly client: Client;
  providers: readonly Provider[] = [];
  summaries: Readonly<Record<string, IntegrationSummary>> = {};
  readonly details = new Map<string, Detail>();
  scope: KeyScope = "unknown";
  /** Why the last reading did not succeed. */
  failure: Failure | null = null;
  readonly #listeners = new Set<() => void>();

  private constructor(org: string, key: string) {
    this.org = org;
    // What failed is shown with a button to try again, not repeated behind the reader's back.
    this.client = createClient({ baseUrl: BASE, apiKey: () => key, retries: 0, timeoutMs: 60_000 });
  }

  /** Opens an organisation with its key, or says why it stays shut. */
  static async open(org: string, key: string): Promise<Store | Failure> {
    const store = new Store(org, key);
    const failure = await store.load();
    if (failure !== null) return failure;
    void store.#learnScope();
    return store;
  }

  get canManage(): boolean {
    return this.scope !== "read";
  }

  /** Whether something is stored under a code, in whatever state. */
  isConfigured(code: string): boolean {
    const lifecycle = this.summaries[code]?.lifecycle;
    return lifecycle !== undefined && lifecycle !== "not_configured";
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reads the list, and the registry where it is not known yet. */
  async load(): Promise<Failure | null> {
    const [list, registry] = await Promise.all([
      this.client.getIntegrations(this.org),
      this.providers.length > 0 ? null : this.client.getProviders(),
    ]);
    const failed = !list.success ? list : registry !== null && !registry.success ? registry : null;
    this.failure = failed;
    if (list.success) this.summaries = list.integrations;
    if (registry?.success) this.providers = registry.providers;
    this.#changed();
    if (failed === null) void this.#loadTelling();
    return failed;
  }

  /** Reads one integration in full. */
  async loadDetail(code: string): Promise<Failure | null> {
    const answer = await this.client.getIntegrationStatus(this.org, code.toLowerCase());
    if (answer.success) this.details.set(code, { info: answer.integration, etag: answer.etag });
    else if (answer.code === "not_configured") this.details.delete(code);
    this.#changed();
    return answer.success ? null : answer;
  }

  /** After a change: both the list and the integration are read again. */
  async refresh(code: string): Promise<void> {
    await Promise.all([this.loadDetail(code), this.load()]);
  }

  /** The list does not say what is wrong with one or what it costs: those are read one by one. */
  async #loadTelling(): Promise<void> {
    const telling = Object.values(this.summaries).filter(
      (one) =>
        "credential_id" in one &&
        (one.category === "saas" || one.status !== "VALID" || one.pipelines.some(({ ready }) => ready !== true)),
    );
    const waiting = telling.map(({ provider }) => provider);
    const lane = async () => {
      for (let code = waiting.shift(); code !== undefined; code = waiting.shift()) await this.loadDetail(code);
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  }

  /** No answer names a key's scope, so one that changes nothing is asked for: a dry run of an item that is incomplete. */
  async #learnScope(): Promise<void> {
    const answer = await this.client.importIntegrations({
      orgSlug: this.org,
      items: [{ provider: "custom-nothing" }],
      dryRun: true,
    });
    if (!answer.success && answer.code === "scope_insufficient") this.scope = "read";
    else if (answer.success || answer.code === "import_incomplete") this.scope = "manage";
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
