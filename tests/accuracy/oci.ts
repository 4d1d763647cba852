import { oci } from "../simulators/clouds/oci.ts";
import { barred, clock, dead, junk, limit, live, onTheWay, outage, type Row, rowsOf, unclear } from "./row.ts";

const identity = (answer: string) => ({ identity: answer });
const usage = (answer: string) => ({ usage: answer });
const word = (cause: string, name: string) => ({ name, credential: oci.credential(cause) });

const keysPage = "docs.oracle.com/iaas/api: ListApiKeys, and oci-identity 2.139.1 (ApiKey)";
const regionsPage = "docs.oracle.com/iaas/api: ListRegionSubscriptions, and oci-identity 2.139.1";
const usagePage = "docs.oracle.com/iaas/api: RequestSummarizedUsages, and oci-usageapi 2.139.1";
const granted = { capabilities: { usage_read: "granted" }, ready: true } as const;
const denied = { capabilities: { usage_read: "denied" }, ready: false } as const;
const unknown = { capabilities: { usage_read: "unknown" }, ready: "unknown" } as const;
const someGateway = "RFC 9110 section 15.5: a gateway's own, without Oracle's code";

export const ociRows: readonly Row[] = rowsOf("OCI", [
  live({}, { name: "an active key and a day of costs", source: `${keysPage}; ${usagePage}`, ...granted }),
  live({}, { ...word("zero", "an active key and no costs at all"), source: usagePage, ...granted }),
  live({}, { ...word("noregions", "regions that may not be read"), source: regionsPage, ...granted }),
  live({}, { ...word("evilhome", "a home region that is none of Oracle's"), source: regionsPage, ...granted }),
  live(identity("keys_creating"), granted),
  live(identity("keys_without_time"), granted),
  dead(identity("keys_inactive"), "switched this key off", { reason: "key_inactive" }),
  dead(identity("keys_deleting"), "has been deleted", { reason: "key_deleted" }),
  dead(identity("keys_deleted"), "has been deleted", { reason: "key_deleted" }),
  junk(identity("keys_unknown_state")),
  junk(identity("keys_without_state")),
  unclear(identity("keys_without_ours"), { reason: "key_not_listed" }),
  unclear(identity("keys_of_another"), { reason: "key_not_listed" }),
  junk(identity("keys_none")),
  junk(identity("keys_wrapped"), { reason: "key_not_listed", source: keysPage }),
  dead(identity("not_authenticated"), "does not know this key", { reason: "not_authenticated" }),
  clock(identity("clock_skew"), { remedy: "nothing is wrong with the key" }),
  unclear(identity("undated"), { source: "RFC 9110 section 6.6.1: the form of a Date" }),
  unclear(identity("unmarked_401"), { source: someGateway }),
  barred(identity("not_found"), "user_not_readable", "check user_ocid"),
  barred(identity("not_authorized"), "user_not_readable", "check user_ocid"),
  barred(identity("not_allowed"), "home_region_only", "home region"),
  barred(identity("sign_up_403"), "sign_up_required", "finish the sign-up"),
  barred(identity("sign_up_402"), "sign_up_required", "finish the sign-up"),
  unclear(identity("unknown_403")),
  unclear(identity("unknown_404"), { source: someGateway }),
  unclear(identity("bad_request")),
  limit(identity("limited")),
  outage(identity("broken")),
  live(usage("costs"), granted),
  live(usage("costs_of_nothing"), granted),
  live(usage("costs_404"), { ...denied, undocumented: true }),
  live(usage("costs_401"), { ...denied, undocumented: true }),
  live(usage("costs_403"), denied),
  live(usage("costs_elsewhere"), denied),
  live(usage("costs_sign_up"), denied),
  live(usage("costs_limited"), unknown),
  live(usage("costs_broken"), unknown),
  live(usage("costs_bad_request"), unknown),
  live(usage("costs_unmarked_401"), { ...unknown, source: someGateway }),
  live(usage("costs_junk"), { ...unknown, source: usagePage }),
  live(usage("html"), { ...unknown, source: "RFC 8952 section 2: captive portals answer in the place of others" }),
  live(usage("hang"), { ...unknown, source: "RFC 9112 section 9.5: failures and timeouts" }),
  live(usage("redirect"), { ...unknown, source: "RFC 9110 section 15.4.8" }),
  ...onTheWay("identity"),
]);
