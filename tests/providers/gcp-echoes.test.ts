import { createPrivateKey, createPublicKey } from "node:crypto";
import { describe, expect, test } from "vitest";
import { google } from "../simulators/clouds/google.ts";
import { exportTables } from "../simulators/clouds/google-bigquery.ts";
import { certificateOf } from "../simulators/clouds/google-certificate.ts";
import { NOW } from "./desk.ts";
import { json, mintBy, probeBy, type Sent } from "./desk-by-question.ts";

const fields = google.credential();
const TOKEN = "ya29.c0AcEgFlMnOpQrStUvWxYz0123456789abcdefghijkl";
/** A piece of the private key of letters and digits alone, as a name may be. */
const PIECE =
  (fields["private_key"] ?? "")
    .split("\n")
    .slice(2)
    .join(" ")
    .match(/[A-Za-z][A-Za-z0-9]{11}/)?.[0] ?? "";
const OF_TOKEN = "c0AcEgFlMnOp";

interface Told {
  datasets?: string[];
  tables?: string[];
  location?: string;
}

/** Google's answers with these names in them; `asked` are the paths of all questions. */
function googleWith({ datasets = ["billing"], tables = [exportTables.standard], location = "EU" }: Told) {
  const asked: string[] = [];
  const bodies: string[] = [];
  const answer = ({ url, body }: Sent): Response => {
    const { pathname } = url;
    asked.push(pathname);
    bodies.push(body);
    if (pathname.endsWith("/token")) return json(200, { token_type: "Bearer", access_token: TOKEN, expires_in: 3_599 });
    if (pathname.endsWith("/datasets"))
      return json(200, { datasets: datasets.map((datasetId) => ({ datasetReference: { datasetId } })) });
    if (pathname.endsWith("/tables"))
      return json(200, { kind: "list", tables: tables.map((tableId) => ({ tableReference: { tableId } })) });
    if (pathname.includes("/v1/projects/")) return json(200, {});
    if (pathname.endsWith(":testIamPermissions"))
      return json(200, { permissions: ["bigquery.tables.get", "bigquery.tables.getData"] });
    if (pathname.includes("/tables/"))
      return json(200, {
        tableReference: { tableId: pathname.split("/").at(-1) },
        schema: { fields: ["billing_account_id", "usage_start_time", "cost"].map((name) => ({ name })) },
        location,
        lastModifiedTime: String(NOW - 3_600_000),
        numRows: "1",
      });
    if (pathname.includes("/datasets/")) return json(200, { datasetReference: { datasetId: "billing" }, location });
    if (pathname.endsWith("/queries")) return json(200, { totalBytesProcessed: "0" });
    return json(404, {});
  };
  return { asked, bodies, answer };
}

test("a piece of a key can be a name", () => {
  expect(PIECE).toMatch(/^[A-Za-z0-9]{12}$/);
});

describe.each([
  ["key", PIECE],
  ["token", OF_TOKEN],
])("a name that holds a piece of the %s is neither kept nor asked for:", (_, piece) => {
  const kept = async (told: Told, metadata = {}) => {
    const { asked, bodies, answer } = googleWith(told);
    const found = await probeBy("GCP_SA", fields, answer, { metadata });
    expect(found.outcome).toBe("valid");
    const behindToken = bodies.filter((body) => !body.startsWith("grant_type"));
    expect(JSON.stringify([found, asked, behindToken])).not.toContain(piece);
    return found;
  };

  test("a table's, in a dataset that is named", async () => {
    const table = `gcp_billing_export_${piece}`;
    const found = await kept({ tables: [table, exportTables.standard] }, { billing_dataset: "billing" });
    expect(found.discovered).toEqual({ billing_export_table: `acme-billing.billing.${exportTables.standard}` });
  });
  test("a table's that is only offered", async () => {
    const found = await kept({ tables: [`gcp_billing_export_${piece}`, exportTables.standard] });
    expect(found.details.tables).toHaveLength(1);
  });
  test("a dataset's", async () => {
    const found = await kept({ datasets: [`billing_${piece}`, "billing"] });
    expect(found.details.tables).toMatchObject([{ table: `acme-billing.billing.${exportTables.standard}` }]);
  });
  test("a place's, of a table and of a dataset", async () => {
    const named = { billing_export_table: `acme-billing.billing.${exportTables.standard}` };
    const found = await kept({ location: `EU-${piece}` }, named);
    expect(found.details.tables).toMatchObject([{ location: null, state: "ok" }]);
  });
});

test("no more names are looked at than were asked for", async () => {
  const crowd = (count: number) => Array.from({ length: count }, (_, index) => `other${index}`);
  for (const [before, tables] of [
    [199, 1],
    [200, undefined],
  ] as const) {
    const { answer } = googleWith({ datasets: [...crowd(before), "billing"] });
    const found = await probeBy("GCP_SA", fields, (sent) =>
      sent.url.pathname.includes("/other") ? json(404, {}) : answer(sent),
    );
    expect(found.details.tables?.length).toBe(tables);
  }
});

test("a name may share with the account's address and project what it likes", async () => {
  const { answer } = googleWith({ datasets: ["iamgserviceaccount"], location: "acme-billing" });
  const found = await probeBy("GCP_SA", fields, answer);
  expect(found.details.tables).toMatchObject([{ location: "acme-billing" }]);
});

describe("of the published certificates", () => {
  const DAY_MS = 86_400_000;
  const { answer } = googleWith({});
  const [from, to] = [new Date(NOW - DAY_MS), new Date(NOW + DAY_MS)];
  const privateKey = createPrivateKey(fields["private_key"] ?? "");
  const publicKey = createPublicKey(privateKey);
  const own = certificateOf({ publicKey, privateKey }, fields["client_email"] ?? "", from, to);
  const createdAt = async (list: Record<string, string>) => {
    const reply = (sent: Sent): Response => (sent.url.pathname.includes("/x509/") ? json(200, list) : answer(sent));
    return (await probeBy("GCP_SA", fields, reply)).details.key_created_at;
  };
  const others = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`other${index}`, "none"]));

  test.each([
    ["its own tells when it was made", { own }, from.toISOString()],
    ["the hundredth is looked at", { ...others(99), own }, from.toISOString()],
    ["the hundred and first is not", { ...others(100), own }, undefined],
    ["one with a text before it is none", { own: `text\n${own}` }, undefined],
    ["one under another name is none", { own: own.replaceAll("CERTIFICATE", "TRUSTED CERTIFICATE") }, undefined],
  ])("%s", async (_, list, expected) => {
    expect(await createdAt(list)).toBe(expected);
  });
});

describe("a token that is granted for", () => {
  test.each([
    ["a second", 1, true],
    ["a day", 86_400, true],
    ["less than a second, which would have ended already", 0.9, false],
    ["nothing", 0, false],
    ["more than a day", 86_401, false],
    ["a text", "3600", false],
  ])("%s", async (_, expires_in, isTaken) => {
    const minted = await mintBy("GCP_SA", fields, () =>
      json(200, { token_type: "Bearer", access_token: TOKEN, expires_in }),
    );
    if (isTaken) expect(minted).toMatchObject({ expires_at: new Date(NOW + Number(expires_in) * 1_000).toISOString() });
    else expect(minted).toMatchObject({ outcome: "unreachable", reason: "unexpected_response" });
  });
});
