import { createPrivateKey, createPublicKey, verify } from "node:crypto";
import { describe, expect, test } from "vitest";
import { fingerprintOf, fitsKey } from "../../shared/providers/oci/inspect.ts";
import { signed } from "../../shared/providers/oci/sign.ts";

/** A key that was made for these vectors and signs nothing else. */
const KEY = createPrivateKey({
  key: Buffer.from(
    [
      "MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQCSc+7UuLnAC1W+tOUL+L6GQbHsnqP+GtiJbX6W9U5dhwRKZMN+",
      "T/GGXLibZJ1yEgsvQk78Agr/Otj/xSDb/NTYb5rOd9q8QW7DfcxA1UbsNCGbWQbLXUgiAKtTJrgQbipdQq9vbQQhweq+VTVC7T9K",
      "ZWet1dLDAWQiSjGUN4pAUoSkdm6hMiU74+NgTy/kimogEzC82qjMC3lj5WCwZ/YAiAFW5MwLv1mNSCvaTM8Drxh/97vJ/dXHrYW+",
      "WPobT1cM5oNa80KSvdUiW120jUUZ/xWOnpo0DXew5NGwrXqlyr6TlXCPe5Dq89i00rWLDHc+qFuNyJJTW7ijioHeohnVAgMBAAEC",
      "ggEAB0JUqXnBh+sX6YS9C1Ty7qPVePQbuVCP1e9V3w99flB0WOf53P+DP3obkro6kp5MgcprMKhnmU3hASZ+fIuhlNvNTs7CimJs",
      "5ibiB6mlTbe/cwbcjxp1JO2nEE9NlXo8bSnNGScMasxE7Cu8NjBycBKAKy3mIpElqzcbEizBlHK0wMyMzZm6qoLqQK3SQXXYYOhR",
      "tgCD9GxEk/C3GdtoCVVjLJPsIlpFF/2GiUQdrjqT3tf2oHAH914uuXuUM0e+cuNrdmZhL65y+s+/4H/ZbRGNssBlv2ehxRh0sqRj",
      "kjA2R4e7A+wXlwOrB75A+OjR41NzQfL6DwqYTxKFheR+OQKBgQDKtaPBR0d1ApwBgBgPGnWbebZ0DmmKnvi+S0fh4HJSNtcOPzY3",
      "Ux++ezaFOBU45QdDiq9dF7kq+jB2tqvTq8OC06WITBgs12YTPtss77ETFoAf2ddc8lubBxkN0Mj7i2WSOBXJala4ppSiI0zQ7lNN",
      "C6KeSeSQGAqiyeBV8g29+QKBgQC49DeTYPsKJothRHxTifunbgF7Sq+4hpFk8xfDG0kw2rMwPKDpKwvq/L35jkKfqUBUdkIFi+Vs",
      "MQEWR8g7frpGTOaCFuMNAXAmFc0k+WTTz+r/RTfyh5z6MQ7acEz6hdwkei4n2igU3koGBfwgeuDwcrYz5Ej8p5YX3coKr+3hvQKB",
      "gDFPOgRcGG/IMLbUuAWEhDNLyiw1DUthHFT97wBtHqINIQcgLUoL+F7Xjg2d9NugKsItTDcy/CIONhfKm8WjtK1wWoXrLL5Lr1Lj",
      "KWGm9MYV5RjaXt8HPW1arqeDsEAwSoblCbezHGFSdDl0qMzyDGVjfS1QAD9k+cFbpiyB8wHRAoGAa+JomJs1VBJvsukT7FbMaDmO",
      "u7AxF93G6a+y6Kf95XVsmHKFGf12EjgjSHJnAmLjl2Dz2fBkftuG2sw8TBf76A3rV26qOmfgVxbYdvzSh4r8dLKXk+zu8DG1jE19",
      "WZTDeLOcQLrMLoALhb/v9bI3i4oeJd6/hEDtGDbTJ7C/fbECgYAjbH8/V50vuqY/0/SSd+BNzaTik7xQdl8DIZYIsIxJBePcQtmu",
      "kC87EWM03wZhodkc2DHRdsUxjnXa7ayu4gR9ges+unXNqYPR9dLPyMEAIFMomIZIzXmSsFWcaQKqHOu/YxYC94ORygYqzkWxIW6s",
      "FKyNW3fmFq5+CnTzHyC4Ug==",
    ].join(""),
    "base64",
  ),
  format: "der",
  type: "pkcs8",
});
const TENANCY = "ocid1.tenancy.oc1..aaaademotenancy0000000000";
const USER = "ocid1.user.oc1..aaaademouser0000000000";
const FINGERPRINT = "f4:7b:90:8e:68:98:3f:04:da:95:68:e8:19:86:e5:63";
const NOW = Date.parse("2026-11-20T12:00:00Z");

interface Vector {
  name: string;
  method: "GET" | "POST";
  url: string;
  body?: string;
  /** As Oracle's SDK lists them; the case of names in the list is not signed. */
  headers: string;
  signature: string;
  sha256?: string;
}

/** What `DefaultRequestSigner` of oci-common 2.139.1 made of the same requests, run on 2026-11-21. */
const vectors: readonly Vector[] = [
  {
    name: "a list of keys",
    method: "GET",
    url: `https://identity.us-ashburn-1.oci.oraclecloud.com/20160918/users/${USER}/apiKeys`,
    headers: "x-date (request-target) host",
    signature:
      "X1ZDhZMvtgYfyfI06+rNTiQG1hzCYfavw1EKenm+zEqRGgaLbY+8ppc8F7nI0GUh6t1Ch4ZQO0a+SMfILvQptc/7+eoruE9degFnnHx43LMqrTwM8bxYLpe71qM+MIKDnYbWd8KHkA1+vAeslkJdp10mjF1ff1vjAQaL/NllcEQc4LONCAggQWd8H6KTh9jz9VpW0wwNVQGFIuMDSJr6a4BH0jY1YkwdIthv85ad6Pt+Drxxd45H3NmWmWEjnku84GUKinThIXwyxe/Ia5TzZ0P3gJamXG0l24dO9Myrqt4hMWHPmiVYVWTZij6jY6nQTfpKDw/1Jc9wjOTjDedojw==",
  },
  {
    name: "a query with an escaped sign",
    method: "GET",
    url: `https://identity.us-ashburn-1.oci.oraclecloud.com/20160918/tenancies/${TENANCY}/regionSubscriptions?limit=1&page=a%2Fb`,
    headers: "x-date (request-target) host",
    signature:
      "YBV5yXc7XXYYZz10jkrBNscASsEFXoKj3pliYQhztrOyPNdb2WxonXS/RMvtfeaGsL5HX0xhkZjMCkqtTMNq1+Szg9Str4BpXmiP4t0WaCyLP1Vv3z2Z6HkaAOseNPFNfwycg3ojpKDIRmSoWta61F2swygGudpLNJUOc1fiuYDXR20Jc5H9vYJQ8EzBJSVtO+E2uNvNpsnZ7jD7+IqyP/8LUOh7Djiney3nD8jQeE63YzUpHJKOSgYBMOqnZ15CbRAE6Vjt0BSSVyJgP9mTOZe4gmfxT6ssuRvKrZYsuBc50ROSVWKMArCOUyU0A29nPeX+MYZqRkM3oFZxeNm0tA==",
  },
  {
    name: "a body with a letter of two bytes",
    method: "POST",
    url: "https://usageapi.us-ashburn-1.oci.oraclecloud.com/20200107/usage",
    body: JSON.stringify({ tenantId: TENANCY, note: "ü" }),
    headers: "x-date (request-target) host Content-Type Content-Length x-content-sha256",
    signature:
      "fEFyxr0NIFs/8yaLqxJlWh4dyy+dkimjSQ4zGMNjFRDYbBc6wxpFQEWwYtikSiBzca5I2JZu1kr0VxKgyk0+0+4OkA645AqHMGbK3PxLG3e/6tVOYZa4MyWw8zkFGRSSD1CJjaY1TRQ2e6Oqonp4VW8ioSjPrf3RwSrG7tWcnRdRTgOgWCeEQsXmDQZXHWz9IQsIJbpntsT8OamUZhbRKkawnrpgO1cUzzZ+LkSHiXgFR0NtOkNled+PrIo7WSgXUYi+ynWdF6/Y7egMdZea2fQU2eaR5ABLcDBaLbbLqUlHJzYJKuPPO+Wv52p3h4OTltZAvHIlQZTgt/EOP8+CFA==",
    sha256: "cgSv4vSfuUX8A35aEfanNibe+lFrLPI8rKeeqQ4X4XI=",
  },
  {
    name: "a host with a port",
    method: "GET",
    url: "http://127.0.0.1:9000/oci/identity/20160918/users/x/apiKeys",
    headers: "x-date (request-target) host",
    signature:
      "bULoWX5j7ELkXDY0AP/SL1vqPRMHxwFrc7pZtRmgXSacnyKSAw66MPKQHuJsjA9oxKcM7l0Ax5wjZ3+FEaa7B6JMeHqJbUmN8IkyMqFphJgruvHOHFh1FL3HCYR9aZrjxGL6oWnWm8lCnkZPom+iEop84rMpt6m5KsQJhNWHPMO3OAAxv6U3b3cgyhemyQzdBlbrxtAds3qsdgRifXSBKwTYByGZl2SwZTcVyfxDiKOwwNENnUtxTSy2XxOAY40Cy2SaWaROlBrRY1h2FmX7xDHQaRKjrpqRkWR+uIRbrjvxFVDImj+QoYlwj3LxNZ2oTSP25SC6eJNwNfij/bwhUw==",
  },
];

describe("a signature is, byte for byte, that of Oracle's own SDK:", () => {
  test.each(vectors.map((vector) => [vector.name, vector] as const))("%s", (_, vector) => {
    const { method, url, body, headers, signature, sha256 } = vector;
    const signer = { keyId: `${TENANCY}/${USER}/${FINGERPRINT}`, privateKey: KEY };
    const question = signed(signer, method, url, NOW, body);
    expect(question.headers["authorization"]).toBe(
      `Signature version="1",keyId="${TENANCY}/${USER}/${FINGERPRINT}",algorithm="rsa-sha256",headers="${headers.toLowerCase()}",signature="${signature}"`,
    );
    expect(question).toMatchObject({ method, url });
    expect(question.body).toBe(body);
    expect(question.headers["x-date"]).toBe("Fri, 20 Nov 2026 12:00:00 GMT");
    expect(question.headers["x-content-sha256"]).toBe(sha256);
    expect(question.headers["content-type"]).toBe(body === undefined ? undefined : "application/json");
    expect(question.headers["content-length"]).toBeUndefined();
  });
});

test("what is signed reads as Oracle documents it", () => {
  const signer = { keyId: "k", privateKey: KEY };
  const { headers } = signed(signer, "GET", "https://identity.us-ashburn-1.oci.oraclecloud.com/20160918/users/u", NOW);
  const text = [
    "x-date: Fri, 20 Nov 2026 12:00:00 GMT",
    "(request-target): get /20160918/users/u",
    "host: identity.us-ashburn-1.oci.oraclecloud.com",
  ].join("\n");
  const signature = /signature="([^"]+)"/.exec(headers["authorization"] ?? "")?.[1] ?? "";
  const isRight = verify("sha256", Buffer.from(text), createPublicKey(KEY), Buffer.from(signature, "base64"));
  expect(isRight).toBe(true);
});

test("the fingerprint is that of Oracle's console, for both forms of a PEM", () => {
  for (const type of ["pkcs8", "pkcs1"] as const)
    expect(fingerprintOf(KEY.export({ type, format: "pem" }).toString())).toBe(FINGERPRINT);
});

test("a key is told from another by its fingerprint, and nothing is said where that cannot be made", () => {
  const pem = KEY.export({ type: "pkcs8", format: "pem" }).toString();
  expect(fitsKey(FINGERPRINT, pem)).toBe(true);
  expect(fitsKey(FINGERPRINT.replace(/^../, "00"), pem)).toBe(false);
  expect(fitsKey(FINGERPRINT, "no key")).toBeNull();
});
