import { describe, expect, test } from "vitest";
import { readXml } from "../../shared/providers/aws/xml.ts";
import { assumed, identity, type SessionKeys } from "../simulators/clouds/aws-answers.ts";
import { keyIdOf, secretOf, sessionOf } from "../simulators/clouds/aws-keys.ts";
import { type Answer, NOW, probe, reply } from "./desk.ts";

/** Twelve digits that stand in the secret. */
const ECHOED = "123443211234";
const KEYS = {
  access_key_id: keyIdOf("good"),
  secret_access_key: `${secretOf(keyIdOf("good")).slice(0, 28)}${ECHOED}`,
};
const ROLE = { role_arn: "arn:aws:iam::111122223333:role/finops/CloudActCostReader" };
const SESSION = "arn:aws:sts::111122223333:assumed-role/CloudActCostReader/cloudact-validation";
const junk = { outcome: "unreachable", reason: "unexpected_response", details: {}, capabilities: [] };

function xml(status: number, body: string): Answer {
  return reply(status, body, { "content-type": "text/xml" });
}

function whoAmI(arn: string, account: string): Answer {
  return xml(200, String(identity(arn, account).body));
}

const user = "arn:aws:iam::111122223333:user/x";
const good = String(identity(user, "111122223333").body);

describe("a 200 that is not as AWS writes it makes no key valid:", () => {
  test.each<[string, Answer]>([
    ["an account of eleven digits", whoAmI(user, "11112222333")],
    ["an account that is a word", whoAmI(user, "everybody")],
    ["another account than the ARN's", whoAmI(user, "111122223334")],
    ["another partition", whoAmI(user.replace("aws:", "aws-cn:"), "111122223333")],
    ["no ARN", whoAmI("", "111122223333")],
    ["an account that is a piece of the secret", whoAmI(user.replace("111122223333", ECHOED), ECHOED)],
    ["a text for an ARN", whoAmI("somebody", "111122223333")],
    ["another action's answer", xml(200, good.replaceAll("GetCallerIdentity", "GetSessionToken"))],
    ["the result without its response", xml(200, "<Account>111122223333</Account>")],
    ["an error", xml(200, "<ErrorResponse><Error><Code>Any</Code></Error></ErrorResponse>")],
    ["an answer that breaks off", xml(200, good.slice(0, -20))],
    ["two documents", xml(200, good + good)],
    ["a document type", xml(200, `<!DOCTYPE x [<!ENTITY y "z">]>${good}`)],
    ["JSON", reply(200, { GetCallerIdentityResponse: { GetCallerIdentityResult: { Account: "111122223333" } } })],
    ["a page", reply(200, "<html><body>Welcome</body></html>")],
    ["nothing", reply(200, "")],
    ["the right answer with 201", xml(201, good)],
  ])("%s", async (_, answer) => {
    const { found, sent } = await probe("AWS_KEYS", KEYS, answer);
    expect(found).toMatchObject(junk);
    expect(sent).toHaveLength(1);
  });
});

describe("an error is read", () => {
  const error = "<Error><Code>InvalidClientTokenId</Code><Message>The security token is invalid.</Message></Error>";
  const rejected = { outcome: "rejected", reason: "unknown_key", provider_code: "InvalidClientTokenId" };
  test.each<[string, Answer, object]>([
    [
      "as STS writes it",
      xml(403, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">${error}</ErrorResponse>`),
      rejected,
    ],
    [
      "as others of its kind write it",
      xml(403, `<?xml version="1.0"?><ErrorResponse><Errors>${error}</Errors></ErrorResponse>`),
      rejected,
    ],
    ["with another status of a refusal", xml(400, `<ErrorResponse>${error}</ErrorResponse>`), rejected],
    ["but not with one that a proxy gives", xml(401, `<ErrorResponse>${error}</ErrorResponse>`), junk],
    ["nor with that of an outage", xml(503, `<ErrorResponse>${error}</ErrorResponse>`), { reason: "unavailable" }],
    ["nor where a page quotes it", xml(403, `<html><body>${error}</body></html>`), junk],
    ["nor in other members", xml(403, "<error><code>InvalidClientTokenId</code></error>"), junk],
  ])("%s", async (_, answer, expected) => {
    expect((await probe("AWS_KEYS", KEYS, answer)).found).toMatchObject(expected);
  });
});

describe("a 200 that is not as AWS writes it makes no role valid:", () => {
  const keys = sessionOf({ arn: SESSION, word: "" });
  const opened = (arn = SESSION, with_: Partial<SessionKeys> = {}) =>
    String(assumed(arn, "1", { ...keys, ...with_ }, 900, NOW).body);
  const ending = (end: string) => opened().replace(/<Expiration>.*<\/Expiration>/, `<Expiration>${end}</Expiration>`);
  const denied = xml(403, "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>");

  test.each<[string, string]>([
    ["another role's session", opened(SESSION.replace("CostReader", "Admin"))],
    ["another account's session", opened(SESSION.replace("1111", "9999"))],
    ["a session of another name", opened(`${SESSION}x`)],
    ["no session at all", opened().replace(/<AssumedRoleUser>[\s\S]*<\/AssumedRoleUser>/, "")],
    ["no token", opened(SESSION, { token: "" })],
    ["a short secret", opened(SESSION, { secret: "x" })],
    ["a secret with a space", opened(SESSION, { secret: `${"x".repeat(20)} ${"x".repeat(19)}` })],
    ["a strange key id", opened(SESSION, { id: "asia-&lt;script&gt;" })],
    ["no end", opened().replace(/<Expiration>.*<\/Expiration>/, "")],
    ["an end that is no time", ending("soon")],
    ["an end in another form", ending("Fri, 20 Nov 2026 12:15:00 GMT")],
    ["an end in another zone", ending("2026-11-20T13:15:00+01:00")],
    ["an end without a zone", ending("2026-11-20T12:15:00")],
    ["an end that is a year", ending("2027")],
    ["an end that has come", ending("2026-11-20T12:00:00Z")],
    ["an end after more than 36 hours", ending("2026-11-22T00:00:01Z")],
  ])("%s", async (_, body) => {
    expect((await probe("AWS_IAM", ROLE, xml(200, body), denied)).found).toMatchObject(junk);
  });

  test("the role's path is no part of its sessions' names", async () => {
    const { found } = await probe("AWS_IAM", ROLE, xml(200, opened()), denied);
    expect(found).toMatchObject({ outcome: "valid" });
  });

  test.each(["2026-11-20T12:00:01Z", "2026-11-20T12:15:00.123Z", "2026-11-22T00:00:00Z"])(
    "but one that ends at %s does",
    async (end) => {
      expect((await probe("AWS_IAM", ROLE, xml(200, ending(end)), denied)).found).toMatchObject({ outcome: "valid" });
    },
  );

  test.each([
    ["is the role's", "111122223333", { account: "111122223333" }],
    ["is another one, and is not told", "999900001111", {}],
  ])("the account that the session names %s", async (_, account, details) => {
    const whose = whoAmI(SESSION.replace("111122223333", account), account);
    const { found } = await probe("AWS_IAM", ROLE, xml(200, opened()), denied, whose);
    expect(found).toMatchObject({ outcome: "valid" });
    expect(found.details).toEqual(details);
  });

  test.each<[string, Answer, object]>([
    ["a page", reply(200, "<html></html>"), junk],
    ["an outage", xml(503, "<html></html>"), { outcome: "unreachable", reason: "unavailable" }],
    ["junk", xml(200, opened(SESSION, { token: "" })), junk],
    [
      "an ARN it calls wrong",
      xml(
        400,
        "<ErrorResponse><Error><Code>ValidationError</Code><Message>Request ARN is invalid</Message></Error></ErrorResponse>",
      ),
      junk,
    ],
  ])("whose refusal of another organisation is %s", async (_, answer, expected) => {
    expect((await probe("AWS_IAM", ROLE, xml(200, opened()), answer)).found).toMatchObject(expected);
  });
});

describe("an XML document is read", () => {
  test.each<[string, string, unknown]>([
    ["text", "<a>x</a>", { a: "x" }],
    [
      "nested, with a prolog and attributes",
      '<?xml version="1.0"?>\n<a b="c"><d>x</d><e>y</e></a>\n',
      { a: { d: "x", e: "y" } },
    ],
    ["lists, even of one", "<a><member>x</member></a>", { a: { member: ["x"] } }],
    ["lists of many", "<a><member>x</member><member>y</member></a>", { a: { member: ["x", "y"] } }],
    ["what stands twice", "<a><b>x</b><b>y</b><b>z</b></a>", { a: { b: ["x", "y", "z"] } }],
    ["empty elements", "<a><b/><c></c></a>", { a: { b: "", c: "" } }],
    ["entities", "<a>&lt;x&gt; &amp;amp; &quot;&apos;&unknown;</a>", { a: "<x> &amp; \"'&unknown;" }],
  ])("%s", (_, document, expected) => {
    expect(readXml(document)).toEqual(expected);
  });
  test("with names that mean something to JavaScript, as any other", () => {
    const read = readXml("<a><__proto__><polluted>x</polluted></__proto__></a>");
    expect(Object.getOwnPropertyNames(read?.["a"])).toEqual(["__proto__"]);
    expect("polluted" in {}).toBe(false);
  });
  test.each([
    ["", "nothing"],
    ["text", "text"],
    ["<a>", "an open element"],
    ["<a></b>", "an end of something else"],
    ["</a>", "an end alone"],
    ["<a/><b/>", "two roots"],
    ["<a></a>x", "text behind"],
    ["x<a></a>", "text before"],
    ["<!DOCTYPE html><html></html>", "a document type"],
    ["<a><!-- x --></a>", "a comment"],
    ["<a><![CDATA[x]]></a>", "raw text"],
    ["<".repeat(100), "brackets"],
    [`${"<a>".repeat(40)}${"</a>".repeat(40)}`, "depth without end"],
  ])("but not %s (%s)", (document) => {
    expect(readXml(document)).toBeNull();
  });
  test.each([
    ["an open tag", `<a ${"x".repeat(250_000)}`],
    ["opening brackets", "<a".repeat(125_000)],
    ["deep nesting", "<a>".repeat(80_000)],
    ["many siblings", `<a>${"<b/>".repeat(60_000)}</a>`],
    ["blanks", `<a>${" ".repeat(250_000)}</a>`],
  ])("in no time: %s", (_, document) => {
    const from = performance.now();
    readXml(document);
    expect(performance.now() - from).toBeLessThan(1_000);
  });
});
