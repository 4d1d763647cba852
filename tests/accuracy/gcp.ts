import { google } from "../simulators/clouds/google.ts";
import {
  barred,
  clock,
  dead,
  ended,
  junk,
  limit,
  live,
  onTheWay,
  ours,
  outage,
  type Row,
  rowsOf,
  unclear,
} from "./row.ts";

const token = (answer: string) => ({ token: answer });
const bigquery = (answer: string) => ({ bigquery: answer });
const word = (cause: string, name: string, source: string) => ({ name, source, credential: google.credential(cause) });
const table = (path: string, name: string, source = bigqueryApi) => ({
  name,
  source,
  metadata: { billing_export_table: `acme-billing.${path}` },
});

const bigqueryApi = "cloud.google.com/bigquery/docs/reference/rest/v2/tables and /datasets, read 2026-11-20";
const exportPage = "cloud.google.com/billing/docs/how-to/export-data-bigquery-tables, read 2026-11-20";
const keysPage = "cloud.google.com/iam/docs/keys-list-get (public certificates of an account), read 2026-11-20";
const create = "gcloud iam service-accounts keys create";

const rights = { datasets_read: "granted", tables_read: "granted", jobs_create: "granted" } as const;
const whole = {
  capabilities: { ...rights, billing_export_read: "granted", billing_export_fresh: "granted" },
  ready: true,
} as const;
const nothingKnown = {
  capabilities: { datasets_read: "unknown", billing_export_read: "unknown", billing_export_fresh: "unknown" },
  ready: "unknown",
} as const;

export const gcpRows: readonly Row[] = rowsOf("GCP_SA", [
  live({}, { name: "a token and a fresh standard export", source: exportPage, expires: false, ...whole }),
  live({}, { ...word("ending", "a key that ends in 20 days", keysPage), expires: true, ...whole }),
  live({}, { ...word("forever", "a key whose certificate runs until 9999", keysPage), expires: false, ...whole }),
  live(token("granted"), { name: "a token that BigQuery then does not take", ...nothingKnown }),
  dead(token("bad_signature"), create),
  dead({}, create, { ...word("dead", "a signature of a key that is not listed", keysPage), reason: "key_deleted" }),
  ended({}, create, word("lapsed", "a signature of a key whose certificate has ended", keysPage)),
  dead({}, "paste one key file whole", {
    ...word("mixed", "a signature of another key", keysPage),
    reason: "key_mixed",
  }),
  dead({}, create, word("unlisted", "a refused signature, and no list of keys", keysPage)),
  dead(token("account_gone"), "knows no such service account", { reason: "account_not_found" }),
  dead(token("not_an_account"), "knows no such service account", { reason: "account_not_found" }),
  dead(token("account_disabled"), "service-accounts enable", { reason: "account_disabled" }),
  clock(token("clock_skew"), { remedy: "clock is wrong" }),
  clock(token("clock_skew_older"), { remedy: "clock is wrong" }),
  ours(token("wrong_audience"), { reason: "audience" }),
  ours(token("wrong_scope"), { reason: "scope", remedy: "nothing is wrong with the key" }),
  barred(token("unauthorized"), "unauthorized_client", "ask the administrators"),
  unclear(token("unknown_grant_error"), { undocumented: true }),
  unclear(token("client_unknown"), { undocumented: true }),
  limit(token("token_limited"), { source: "RFC 6585 section 4" }),
  limit(token("token_quota")),
  outage(token("token_outage"), { source: "RFC 9110 section 15.6.4" }),
  junk(token("no_token")),
  junk(token("id_token_only")),
  junk(token("endless_token"), { source: "RFC 6749 section 5.1: a lifetime that is none" }),
  junk(token("token_for_nobody"), { source: "RFC 6749 section 5.1: a token of another type" }),

  barred({}, "jobs_create_denied", "roles/bigquery.jobUser", {
    ...word("nojobs", "an account that may not run queries", "github.com/igrigorik/gharchive.org/issues/237"),
    capabilities: { jobs_create: "denied", datasets_read: "granted" },
    ready: false,
  }),
  barred({}, "datasets_get_denied", "bigquery.datasets.get", {
    ...table("closed.gcp_billing_export_v1", "a dataset that may not be read"),
    capabilities: { datasets_read: "denied" },
    ready: false,
  }),
  barred({}, "tables_get_denied", "bigquery.tables.get", {
    ...table("billing_export.gcp_billing_export_v1_closed", "a table that may not be read"),
    capabilities: { datasets_read: "granted", tables_read: "denied" },
    ready: false,
  }),
  barred(bigquery("bigquery_denied"), "datasets_get_denied", "bigquery.datasets.get"),
  live(
    {},
    {
      ...table("billing_export.gcp_billing_export_v1_sealed", "a table of which the rows may not be read"),
      capabilities: { ...rights, billing_export_read: "denied" },
      ready: false,
    },
  ),
  live(
    {},
    {
      ...table("billing_export.gcp_billing_export_v1_vacant", "an export without rows", exportPage),
      capabilities: { ...rights, billing_export_read: "granted", billing_export_fresh: "denied" },
      ready: false,
    },
  ),
  live(
    {},
    {
      ...table("billing_export.gcp_billing_export_v1_stale", "an export whose last rows are 100 hours old", exportPage),
      capabilities: { billing_export_read: "granted", billing_export_fresh: "denied" },
      ready: false,
    },
  ),
  live(
    {},
    {
      ...table("billing_export.gcp_billing_export_v1_absent", "an export that is not there yet", exportPage),
      capabilities: { datasets_read: "granted", billing_export_read: "denied", billing_export_fresh: "denied" },
      ready: false,
    },
  ),
  live({}, { ...table("billing_eu.gcp_billing_export_v1_01", "an export in the EU", exportPage), ...whole }),
  live(
    {},
    {
      ...table("billing_export.gcp_billing_export_v1_mirror", "a view on an export"),
      capabilities: { ...rights, billing_export_read: "granted", billing_export_fresh: "unknown" },
      ready: "unknown",
    },
  ),
  live(
    {},
    {
      ...table("billing_export.gcp_billing_export_v1_junk", "a 200 about a table of another shape"),
      capabilities: { billing_export_fresh: "unknown" },
      ready: "unknown",
    },
  ),
  live(
    {},
    {
      ...table("billing_export.gcp_billing_export_v1_odd", "a table that is no export", exportPage),
      capabilities: { ...rights, billing_export_read: "denied" },
      ready: false,
    },
  ),
  live(
    {},
    {
      ...table("billing_export.cloud_pricing_export", "a pricing export in the place of the standard one", exportPage),
      capabilities: { billing_export_read: "denied" },
      ready: false,
    },
  ),
  live(
    {},
    {
      name: "no setting about billing",
      source: exportPage,
      metadata: {},
      capabilities: { jobs_create: "granted", billing_export_read: "denied" },
      ready: false,
    },
  ),
  live(
    {},
    {
      name: "a dataset with exports",
      source: exportPage,
      metadata: { billing_dataset: "billing_export" },
      ...whole,
    },
  ),
  live(
    {},
    {
      name: "a dataset without tables",
      source: exportPage,
      metadata: { billing_dataset: "vacant" },
      capabilities: { datasets_read: "granted", billing_export_read: "denied" },
      ready: false,
    },
  ),
  ...["bigquery_off", "bigquery_limited", "bigquery_quota", "bigquery_429", "bigquery_401", "bigquery_503"].map(
    (name) => live(bigquery(name), nothingKnown),
  ),
  ...["bigquery_perimeter", "bigquery_no_billing", "bigquery_invalid_query"].map((name) =>
    live(bigquery(name), nothingKnown),
  ),
  live(bigquery("bigquery_other_403"), { ...nothingKnown, undocumented: true }),
  live(bigquery("html"), {
    ...nothingKnown,
    source: "RFC 8952 section 2: captive portals answer in the place of others",
  }),
  live(bigquery("hang"), { ...nothingKnown, source: "RFC 9112 section 9.5: failures and timeouts" }),
  live(bigquery("redirect"), { ...nothingKnown, source: "RFC 9110 section 15.4.8" }),
  ours(bigquery("bigquery_scopes"), { reason: "scope", remedy: "wrong scopes" }),
  live({ resourcemanager: "projects_off" }, { ...whole, source: bigqueryApi }),
  live({ resourcemanager: "projects_perimeter" }, whole),
  live(
    { resourcemanager: "projects_none" },
    { ...whole, capabilities: { jobs_create: "granted", compute_read: "denied" } },
  ),
  live({ x509: "x509_missing" }, { ...whole, source: keysPage, expires: false }),
  live({ x509: "html" }, { ...whole, source: "RFC 8952 section 2", expires: false }),
  ...onTheWay("token"),
]);
