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

/** @throws TypeError where an address in the options cannot be used */
export function createClient(options: ClientOptions = {}): Client {
  const call = callerOf(options);

  return {
    setupIntegration: async ({ orgSlug, provider, dryRun, createOnly, signal, ...request }) => {
      const answer = await call<StoredAnswer | VerdictAnswer>({
        fn: "setup",
        method: "POST",
        names: { orgSlug, provider },
        route: "setup",
        as: "organisation",
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
      });
      if (!answer.success) return answer;
      const { body } = answer;
      if (!("outcome" in body)) return storedOf({ ...answer, body });
      const checked = checkedOf({ ...answer, body });
      return checked.success ? { ...checked, dryRun: true } : checked;
    },

    validateIntegration: async (orgSlug, provider, { signal } = {}) => {
      const answer = await call<VerdictAnswer>({
        fn: "validate",
        method: "POST",
        names: { orgSlug, provider },
        route: "validate",
        as: "organisation",
        signal,
      });
      return answer.success ? checkedOf(answer) : answer;
    },

    getIntegrations: async (orgSlug, { category, configured, expiringWithinDays, signal } = {}) => {
      const answer = await call<{
        org_slug: string;
        integrations: Record<string, IntegrationSummary>;
        all_valid: boolean;
        all_configured_valid: boolean;
        providers_configured: string[];
      }>({
        fn: "list",
        method: "GET",
        names: { orgSlug },
        as: "organisation",
        query: {
          category,
          configured,
          expiring_within: expiringWithinDays === undefined ? undefined : `${expiringWithinDays}d`,
        },
        signal,
      });
      return answer.success ? { success: true, ...answer.body } : answer;
    },

    getIntegrationStatus: async (orgSlug, provider, { signal } = {}) => {
      const answer = await call<IntegrationInfo>({
        fn: "get",
        method: "GET",
        names: { orgSlug, provider },
        as: "organisation",
        signal,
      });
      return answer.success ? { success: true, integration: answer.body, etag: answer.etag } : answer;
    },

    updateIntegration: async ({ orgSlug, provider, signal, ...request }) => {
      const answer = await call<StoredAnswer>({
        fn: "update",
        method: "PUT",
        names: { orgSlug, provider },
        as: "organisation",
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
      });
      return answer.success ? storedOf(answer) : answer;
    },

    rotateIntegration: async ({ orgSlug, provider, credential, signal, ...request }) => {
      const answer = await call<StoredAnswer>({
        fn: "update",
        method: "POST",
        names: { orgSlug, provider },
        route: "rotate",
        as: "organisation",
        headers: changing(request),
        body: { new_credentials: credential },
        signal,
      });
      return answer.success ? storedOf(answer) : answer;
    },

    deleteIntegration: async (orgSlug, provider, { ifMatch, deactivationScheduledAt: at, signal } = {}) => {
      const answer = await call<{ message?: string; deactivation_scheduled_at?: string }>({
        fn: "delete",
        method: "DELETE",
        names: { orgSlug, provider },
        as: "organisation",
        query: { deactivation_scheduled_at: at },
        headers: { "if-match": ifMatch },
        signal,
        // A schedule that has got through is a new version: sent again, it would not match any more.
        repeatable: at === undefined || ifMatch === undefined,
        doneBefore: at === undefined ? "not_configured" : undefined,
      });
      if (!answer.success) return answer;
      const { message = "Integration deleted successfully", deactivation_scheduled_at: scheduled } = answer.body;
      return { success: true, message, ...(scheduled === undefined ? {} : { deactivationScheduledAt: scheduled }) };
    },

    importIntegrations: async ({ orgSlug, items, dryRun = false, signal, ...request }) => {
      const answer = await call<{ success: boolean; results: ImportItemResult[] }>({
        fn: "setup",
        method: "POST",
        names: { orgSlug },
        route: "import",
        as: "organisation",
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
      });
      if (!answer.success) return answer;
      const { success, results } = answer.body;
      if (success) return { success, dryRun, results };
      const missed = results.filter(({ status }) => status !== "completed").length;
      const error = `${missed} of ${results.length} were not ${dryRun ? "accepted" : "set up"}`;
      const remedy = "See results, and send those again; what was completed need not be sent again";
      return { ...failure("import_incomplete", error, { status: answer.status, remedy }), dryRun, results };
    },

    getProviders: async ({ signal } = {}) => {
      const answer = await call<{ providers: Provider[] }>({
        fn: "list",
        method: "GET",
        names: {},
        route: "providers",
        as: "anyone",
        signal,
      });
      return answer.success ? { success: true, providers: answer.body.providers } : answer;
    },

    getInstructions: async (orgSlug, provider, { signal } = {}) => {
      const answer = await call<Instructions>({
        fn: "get",
        method: "GET",
        names: { orgSlug, provider },
        route: "instructions",
        as: "organisation",
        signal,
      });
      return answer.success ? { success: true, instructions: answer.body } : answer;
    },

    getHistory: async (orgSlug, provider, { limit, cursor, signal } = {}) => {
      const answer = await call<{ items: HistoryItem[]; next_cursor: string | null }>({
        fn: "get",
        method: "GET",
        names: { orgSlug, provider },
        route: "history",
        as: "organisation",
        query: { limit, cursor },
        signal,
      });
      return answer.success ? { success: true, items: answer.body.items, nextCursor: answer.body.next_cursor } : answer;
    },

    decryptCredential: async ({ orgSlug, provider, pipeline, runId, as, signal }) => {
      const answer = await call<DecryptedCredential>({
        fn: "decrypt",
        method: "POST",
        names: { orgSlug, provider },
        route: "decrypt",
        as: "pipeline",
        body: { pipeline, run_id: runId, as },
        signal,
      });
      if (!answer.success) throw new IntegrationError(answer);
      const note = `[credential of ${answer.body.provider} ${answer.body.fingerprint ?? ""}]`;
      hideFromInspection(answer.body.credential, note);
      hideFromInspection(answer.body.token, note);
      return answer.body;
    },

    reportFailure: async ({ orgSlug, provider, credentialId, pipeline, runId, httpStatus, signal }) => {
      const answer = await call<{ message: string }>({
        fn: "decrypt",
        method: "POST",
        names: { orgSlug, provider },
        route: "failures",
        as: "pipeline",
        body: { credential_id: credentialId, pipeline, run_id: runId, http_status: httpStatus },
        signal,
      });
      return answer.success ? { success: true, message: answer.body.message } : answer;
    },
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
