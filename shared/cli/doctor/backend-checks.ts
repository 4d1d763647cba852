import type { Parts } from "../../../functions/parts.ts";
import { Fault } from "../../contract/fault.ts";
import { boundMetadata } from "../../operations/works.ts";
import { timestamp } from "../../ports/clock.ts";
import { hashOrgKey, parseOrgKey, sameHash } from "../../vault/org-key.ts";
import { reaching } from "../../vault/peppers.ts";
import { open } from "../../vault/seal.ts";
import { agoText } from "../debug/findings.ts";
import { moment } from "../show.ts";
import { type Check, fail, ok, skip, warn } from "./check.ts";

/** An organisation that cannot be: nothing is ever found for it. */
const NOBODY = { org_slug: "doctor--", provider: "NONE" };
const LATE_MS = 3 * 3_600_000;

/** Everything behind the ports, each asked once. */
export async function backendChecks(
  parts: Parts,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Check[]> {
  return [
    await store(parts),
    await key(parts),
    await pepper(parts),
    await sweeps(parts),
    await organisationKey(parts, environment["INTEGRATIONS_API_KEY"]?.trim() ?? ""),
    await token(parts, environment["INTEGRATIONS_TOKEN"]?.trim() ?? ""),
  ];
}

/** Reads every table through every column that this version knows. */
async function store(parts: Parts): Promise<Check> {
  const { store, orgKeys, grants, clock } = parts;
  const from = clock.monotonic();
  const read = async () => {
    await store.readHeads(NOBODY.org_slug);
    await store.readSealed(NOBODY);
    await store.readHistory(NOBODY, { limit: 1, before: null });
    await orgKeys.listKeys(NOBODY.org_slug);
    await grants.listGrants(NOBODY.org_slug);
  };
  return await tried(
    "store",
    read,
    () =>
      ok("store", `answers, its tables are as this version knows them (${Math.round(clock.monotonic() - from)} ms)`),
    {
      local: "INTEGRATIONS_HOME names the folder; restore it from a backup where it is damaged",
      cloud:
        "Apply Terraform for missing tables; this account needs BigQuery Job User and Data Viewer on both datasets",
    },
    parts,
  );
}

async function key(parts: Parts): Promise<Check> {
  const probe = Buffer.from("doctor");
  const aad = Buffer.from("doctor-probe");
  const remedy = {
    local: "Restore keyring.json in INTEGRATIONS_HOME from the backup that belongs to the store",
    cloud: "This account needs Cloud KMS CryptoKey Encrypter/Decrypter on KMS_KEY; its primary version must be enabled",
  };
  return await tried(
    "key",
    async () => {
      const { ciphertext, keyVersion } = await parts.keys.encrypt(probe, aad);
      const isSame = (await parts.keys.decrypt(ciphertext, aad)).equals(probe);
      return { keyVersion, isSame, stored: await openStored(parts) };
    },
    ({ keyVersion, isSame, stored }) => {
      if (!isSame) return fail("key", "opens something else than it sealed", remedy.cloud);
      if (stored === "integrity")
        return fail("key", "does not open what is stored: key ring and store do not belong together", remedy.local);
      if (stored === "key_unavailable")
        return warn(
          "key",
          "a version that sealed what is stored is disabled or destroyed",
          "cloudact-integrations rewrap --dry-run names what it sealed",
        );
      return ok("key", `seals and opens, version ${keyVersion}${stored === "open" ? "; opens what is stored" : ""}`);
    },
    remedy,
    parts,
  );
}

/**
 * Opens the first stored credential, where the key is a file that can be another store's; what it holds goes at once.
 *
 * @returns `none` where nothing is stored, or else why it does not open
 */
async function openStored(parts: Parts): Promise<"open" | "none" | "integrity" | "key_unavailable"> {
  if (parts.environment.cloud !== null) return "none";
  const { rows } = await parts.store.readSealedElsewhere({ keyVersion: "", limit: 1, after: null });
  const [{ head, encrypted_credential: sealed } = { head: null, encrypted_credential: null }] = rows;
  const entry = head === null ? null : parts.registry.byCode(head.provider);
  if (head === null || entry === null) return "none";
  try {
    const plaintext = await open(parts.keys, { ...head, bound: boundMetadata(entry, head.metadata) }, sealed);
    plaintext.fill(0);
    return "open";
  } catch (error) {
    if (error instanceof Fault && (error.code === "integrity" || error.code === "key_unavailable")) return error.code;
    throw error;
  }
}

async function pepper(parts: Parts): Promise<Check> {
  return await tried(
    "pepper",
    () => parts.secrets.peppers(),
    (found) =>
      ok("pepper", `version ${found[0].version}${found.length > 1 ? `, ${found.length - 1} older still verify` : ""}`),
    {
      local: "Restore pepper.json in INTEGRATIONS_HOME: without it no organisation key is recognised",
      cloud: "This account needs Secret Manager Secret Accessor on PEPPER_SECRET",
    },
    parts,
  );
}

async function sweeps(parts: Parts): Promise<Check> {
  const now = timestamp(parts.clock.now());
  return await tried(
    "sweep",
    () => parts.store.readDue({ now, limit: 1, org: null, shard: null, after: null }),
    ({ rows, due_total: due, next_due_at: next }) => {
      const oldest = rows[0]?.head.next_due_at ?? rows[0]?.head.reported_at ?? null;
      if (due === 0) return ok("sweep", next === null ? "nothing is due" : `nothing is due before ${moment(next)}`);
      if (oldest === null || Date.parse(now) - Date.parse(oldest) < LATE_MS) return ok("sweep", `${due} due`);
      return warn(
        "sweep",
        `${due} due, the oldest for ${agoText(oldest, now)}: no sweep has run lately`,
        "cloudact-integrations sweep; in the cloud look at the Scheduler's job",
      );
    },
    { local: "See store", cloud: "See store" },
    parts,
  );
}

/** Whose the key in the environment is; never the key. */
async function organisationKey(parts: Parts, text: string): Promise<Check> {
  const name = "INTEGRATIONS_API_KEY";
  if (text === "") return skip(name, "not set: commands over HTTP need it");
  const parsed = parseOrgKey(text);
  if (parsed === null)
    return warn(
      name,
      "is no key of this service, or was cut off",
      "cloudact-integrations org-key create <org> --scope manage makes one",
    );
  return await tried(
    name,
    async () => {
      const found = await parts.orgKeys.findKey(parsed.keyId);
      const wanted = found?.pepper_version;
      const peppers = reaching(await parts.secrets.peppers(wanted), wanted);
      const one = peppers.find(({ version }) => version === found?.pepper_version) ?? peppers[0];
      return found !== null && sameHash(hashOrgKey(one.bytes, text), found.key_hmac) ? found : null;
    },
    (found) => {
      const remedy = "cloudact-integrations org-key create <org> --scope manage makes another";
      if (found === null)
        return warn(name, `key ${parsed.keyId} is not known here: another backend's, or altered`, remedy);
      if (found.revoked_at !== null) return warn(name, `key ${found.key_id} of ${found.org_slug} was revoked`, remedy);
      if (found.expires_at !== null && found.expires_at <= timestamp(parts.clock.now()))
        return warn(name, `key ${found.key_id} of ${found.org_slug} has ended`, remedy);
      return ok(
        name,
        `key ${found.key_id} of ${found.org_slug}, scope ${found.scope}, until ${found.expires_at === null ? "revoked" : moment(found.expires_at)}`,
      );
    },
    { local: "See pepper and store", cloud: "See pepper and store" },
    parts,
  );
}

async function token(parts: Parts, text: string): Promise<Check> {
  const name = "INTEGRATIONS_TOKEN";
  if (text === "") return skip(name, "not set: decrypt needs it");
  return await tried(
    name,
    () => parts.tokens.verify(text),
    (found) =>
      "caller" in found
        ? ok(name, `a token of ${found.caller.subject}`)
        : warn(
            name,
            `is not accepted: ${found.refused}`,
            "cloudact-integrations token --subject <name> makes one for an hour",
          ),
    { local: "Restore INTEGRATIONS_HOME", cloud: "Google's keys cannot be had: look at the network" },
    parts,
  );
}

/** A known failure is a finding, with its code; anything else is a mistake of ours. */
async function tried<Result>(
  name: string,
  work: () => Promise<Result>,
  told: (result: Result) => Check,
  remedy: { local: string; cloud: string },
  { environment }: Parts,
): Promise<Check> {
  try {
    return told(await work());
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const reason = error.details.reason ? `, ${error.details.reason}` : "";
    return fail(
      name,
      `${error.message} (${error.code}${reason})`,
      error.details.remedy ?? (environment.cloud === null ? remedy.local : remedy.cloud),
    );
  }
}
