import type {
  DecryptedCredential,
  HistoryItem,
  ImportItemResult,
  Instructions,
  IntegrationInfo,
  IntegrationSummary,
  Provider,
} from "./answers.ts";
import { callerOf } from "./call.ts";
import { failure } from "./failure.ts";
import { hideFromInspection } from "./hide.ts";
import { IntegrationError } from "./integration-error.ts";
import type { Answered } from "./read-answer.ts";
import type {
  CallOptions,
  ChangeOptions,
  ClientOptions,
  DecryptRequest,
  DeleteOptions,
  FailureReport,
  HistoryOptions,
  ImportRequest,
  ListOptions,
  RotateRequest,
  SetupRequest,
  UpdateRequest,
} from "./requests.ts";
import type {
  DeleteResult,
  HistoryResult,
  ImportResult,
  InstructionsResult,
  ListResult,
  ProvidersResult,
  ReportResult,
  SetupResult,
  StatusResult,
  StoreResult,
  ValidateResult,
} from "./results.ts";
import { checkedOf, type StoredAnswer, storedOf, type VerdictAnswer } from "./verdicts.ts";

/** The service checks for a minute, then stores. */
const IMPORT_MS = 90_000;

/**
 * The service as functions. What it answers is a result, a refusal too: `success` tells, and nothing is thrown, so that a
 * server action can hand it on. Thrown are the reason of a signal that aborts, what the caller's own `apiKey` and
 * `identityToken` throw, TypeError where the client is used wrongly, and by `decryptCredential` alone an IntegrationError.
 */
export interface Client {
  /** Proves a credential at its provider, then stores it, encrypted; it replaces the one that is there. */
  setupIntegration(request: SetupRequest): Promise<SetupResult>;
  /** Asks the provider whether the stored credential works. */
  validateIntegration(orgSlug: string, provider: string, options?: CallOptions): Promise<ValidateResult>;
  /** All providers, configured or not, by code. */
  getIntegrations(orgSlug: string, options?: ListOptions): Promise<ListResult>;
  /** One integration in full, with the `etag` for `ifMatch`. */
  getIntegrationStatus(orgSlug: string, provider: string, options?: CallOptions): Promise<StatusResult>;
  /** Changes what is named and nothing else; a new credential is proven first. */
  updateIntegration(request: UpdateRequest): Promise<StoreResult>;
  /** Replaces the credential; the old one stays active until the new one is proven. */
  rotateIntegration(request: RotateRequest): Promise<StoreResult>;
  /** Deletes it now, or at a time. */
  deleteIntegration(orgSlug: string, provider: string, options?: DeleteOptions): Promise<DeleteResult>;
  /** Sets up many providers at once: each item ends for itself, and a failed one changed nothing. */
  importIntegrations(request: ImportRequest): Promise<ImportResult>;
  /** What the registry knows: enough to draw a form for each provider. Needs no key. */
  getProviders(options?: CallOptions): Promise<ProvidersResult>;
  /** What to create at the provider, with policies and command lines for this organisation. */
  getInstructions(orgSlug: string, provider: string, options?: CallOptions): Promise<InstructionsResult>;
  /** Versions and changes of status, newest first. */
  getHistory(orgSlug: string, provider: string, options?: HistoryOptions): Promise<HistoryResult>;
  /**
   * The credential, for a pipeline with a grant. It is thrown why there is none: without it a run cannot go on, and a
   * result that nobody looks at would become a request with no key.
   *
   * @throws IntegrationError with `code`, `remedy`, `retryable`
   */
  decryptCredential(request: DecryptRequest): Promise<DecryptedCredential>;
  /** Says that the provider refused the credential, so that it is checked soon. */
  reportFailure(report: FailureReport): Promise<ReportResult>;
}

interface ListAnswer {
  org_slug: string;
  integrations: Record<string, IntegrationSummary>;
  all_valid: boolean;
  all_configured_valid: boolean;
  providers_configured: string[];
}

/** @throws TypeError where an address in the options cannot be used */
export function createClient(options: ClientOptions = {}): Client {
  const call = callerOf(options);

  return {
    setupIntegration: async ({ orgSlug, provider, dryRun, createOnly, signal, ...request }) =>
      await call(
        {
          fn: "setup",
          method: "POST",
          names: { orgSlug, provider },
          route: "setup",
          shows: dryRun ? "outcome" : "credential_id",
          query: { dry_run: dryRun },
          headers: { ...changing(request, !dryRun), "if-none-match": createOnly ? "*" : undefined },
          body: {
            credential: request.credential,
            credential_name: request.credentialName,
            metadata: request.metadata,
            expires_at: request.expiresAt,
            skip_validation: request.skipValidation,
          },
          signal,
        },
        ({ body, ...answer }: Answered<StoredAnswer | VerdictAnswer>) => {
          if (!("outcome" in body)) return storedOf({ ...answer, body });
          const checked = checkedOf({ ...answer, body });
          return checked.success ? { ...checked, dryRun: true as const } : checked;
        },
      ),

    validateIntegration: async (orgSlug, provider, { signal } = {}) =>
      await call(
        {
          fn: "validate",
          method: "POST",
          names: { orgSlug, provider },
          route: "validate",
          shows: "outcome",
          signal,
        },
        checkedOf,
      ),

    getIntegrations: async (orgSlug, { category, configured, expiringWithinDays, signal } = {}) =>
      await call(
        {
          fn: "list",
          method: "GET",
          names: { orgSlug },
          shows: "integrations",
          query: {
            category,
            configured,
            expiring_within: expiringWithinDays === undefined ? undefined : `${expiringWithinDays}d`,
          },
          signal,
        },
        ({ success, body }: Answered<ListAnswer>) => ({ success, ...body }),
      ),

    getIntegrationStatus: async (orgSlug, provider, { signal } = {}) =>
      await call(
        { fn: "get", method: "GET", names: { orgSlug, provider }, shows: "credential_id", signal },
        ({ success, body, etag }: Answered<IntegrationInfo>) => ({ success, integration: body, etag }),
      ),

    updateIntegration: async ({ orgSlug, provider, signal, ...request }) =>
      await call(
        {
          fn: "update",
          method: "PUT",
          names: { orgSlug, provider },
          shows: "credential_id",
          headers: changing(request),
          body: {
            credential: request.credential,
            credential_name: request.credentialName,
            metadata: request.metadata,
            enabled: request.enabled,
            expires_at: request.expiresAt,
            deactivation_scheduled_at: request.deactivationScheduledAt,
          },
          signal,
        },
        storedOf,
      ),

    rotateIntegration: async ({ orgSlug, provider, credential, signal, ...request }) =>
      await call(
        {
          fn: "update",
          method: "POST",
          names: { orgSlug, provider },
          route: "rotate",
          shows: "credential_id",
          headers: changing(request),
          body: { new_credentials: credential },
          signal,
        },
        storedOf,
      ),

    deleteIntegration: async (orgSlug, provider, { ifMatch, deactivationScheduledAt: at, signal } = {}) =>
      await call(
        {
          fn: "delete",
          method: "DELETE",
          names: { orgSlug, provider },
          shows: "message",
          query: { deactivation_scheduled_at: at },
          headers: { "if-match": ifMatch },
          signal,
          // Sent again, it could delete what another has set up since, unless it names one version; a schedule makes one.
          repeatable: at === undefined && /^"[^",]+"$/.test(ifMatch ?? ""),
          doneBefore: "not_configured",
        },
        ({ success, body }: Answered<{ message?: string; deactivation_scheduled_at?: string }>) => {
          const { message = "Integration deleted successfully", deactivation_scheduled_at: scheduled } = body;
          return { success, message, ...(scheduled === undefined ? {} : { deactivationScheduledAt: scheduled }) };
        },
      ),

    importIntegrations: async ({ orgSlug, items, dryRun = false, signal, ...request }) =>
      await call(
        {
          fn: "setup",
          method: "POST",
          names: { orgSlug },
          route: "import",
          shows: "results",
          query: { dry_run: dryRun || undefined },
          headers: changing(request, !dryRun),
          body: {
            items: items.map(({ provider, credential, credentialName, metadata }) => ({
              provider,
              credential,
              credential_name: credentialName,
              metadata,
            })),
          },
          signal,
          leastTryMs: IMPORT_MS,
        },
        ({ status, body }: Answered<{ success: boolean; results: ImportItemResult[] }>): ImportResult => {
          const { success, results } = body;
          if (success) return { success, dryRun, results };
          const missed = results.filter((item) => item.status !== "completed").length;
          const error = `${missed} of ${results.length} were not ${dryRun ? "accepted" : "set up"}`;
          const remedy = "See results, and send only those again";
          return { ...failure("import_incomplete", error, { status, remedy }), dryRun, results };
        },
      ),

    getProviders: async ({ signal } = {}) =>
      await call(
        { fn: "list", method: "GET", names: {}, route: "providers", shows: "providers", signal },
        ({ success, body }: Answered<{ providers: Provider[] }>) => ({ success, providers: body.providers }),
      ),

    getInstructions: async (orgSlug, provider, { signal } = {}) =>
      await call(
        {
          fn: "get",
          method: "GET",
          names: { orgSlug, provider },
          route: "instructions",
          shows: "steps",
          signal,
        },
        ({ success, body }: Answered<Instructions>) => ({ success, instructions: body }),
      ),

    getHistory: async (orgSlug, provider, { limit, cursor, signal } = {}) =>
      await call(
        {
          fn: "get",
          method: "GET",
          names: { orgSlug, provider },
          route: "history",
          shows: "items",
          query: { limit, cursor },
          signal,
        },
        ({ success, body }: Answered<{ items: HistoryItem[]; next_cursor: string | null }>) => ({
          success,
          items: body.items,
          nextCursor: body.next_cursor,
        }),
      ),

    decryptCredential: async ({ orgSlug, provider, pipeline, runId, as, signal }) => {
      const answer = await call(
        {
          fn: "decrypt",
          method: "POST",
          names: { orgSlug, provider },
          route: "decrypt",
          shows: "credential_id",
          body: { pipeline, run_id: runId, as },
          signal,
        },
        (found: Answered<DecryptedCredential>) => found,
      );
      if (!answer.success) throw new IntegrationError(answer);
      const note = `[credential of ${answer.body.provider} ${answer.body.fingerprint ?? ""}]`;
      hideFromInspection(answer.body.credential, note);
      hideFromInspection(answer.body.token, note);
      return answer.body;
    },

    reportFailure: async ({ orgSlug, provider, credentialId, pipeline, runId, httpStatus, signal }) =>
      await call(
        {
          fn: "decrypt",
          method: "POST",
          names: { orgSlug, provider },
          route: "failures",
          shows: "message",
          body: { credential_id: credentialId, pipeline, run_id: runId, http_status: httpStatus },
          signal,
        },
        ({ success, body }: Answered<{ message: string }>) => ({ success, message: body.message }),
      ),
  };
}

/** The headers of a call that stores; a key of its own by which the service knows each of its tries. */
function changing({ ifMatch, idempotencyKey }: ChangeOptions, stores = true): Record<string, string | undefined> {
  return { "if-match": ifMatch, "idempotency-key": stores ? (idempotencyKey ?? uniqueName()) : undefined };
}

/** Node 18 has no `crypto` of its own accord; what matters is that a name is not used twice, not that it is secret. */
function uniqueName(): string {
  return globalThis.crypto?.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
}
