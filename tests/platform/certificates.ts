import { createHash, generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { exportJWK, type JWK, SignJWT } from "jose";
import { type HttpSimulator, json, startHttp } from "./http-simulator.ts";

export const GOOGLE_ISSUER = "https://accounts.google.com";

/** Google's subjects are numbers; these stand for service accounts that have no number of their own on the bench. */
export function subjectOf(email: string): string {
  let number = 0n;
  for (const byte of Buffer.from(email, "utf8")) number = (number * 257n + BigInt(byte)) % 10n ** 20n;
  return `1${number.toString().padStart(20, "0")}`;
}

/** Whoever can sign as Google does. */
export interface Issuer {
  /** Seconds since the epoch, by which tokens are issued. */
  now(): number;
  /** Signs exactly these claims (RS256) with the newest key, or the header as given. */
  sign(claims: Readonly<Record<string, unknown>>, header?: Readonly<Record<string, unknown>>): Promise<string>;
}

export type CertificateFault = (typeof certificateFaults)[number];
/**
 * `no_keys` is an empty set, `no_set` a JSON object of another kind, `odd_keys` a set whose keys are for something else,
 * `partial` the right keys with status 206.
 */
export const certificateFaults = ["no_keys", "no_set", "odd_keys", "partial"] as const;

/** Google's certificate endpoint and the issuer behind it. */
export interface Certificates extends Omit<HttpSimulator<CertificateFault>, "url">, Issuer {
  /** What `OIDC_JWKS_URL` names. */
  url: string;
  /** The `kid` of the key that signs now. */
  keyId(): string;
  /** A new key signs; the one before it stays published, older ones go. */
  rotate(): Promise<void>;
  /** From now on answers may be kept for so long, and are so old already. `null` sends no `Cache-Control`. */
  maxAge(seconds: number | null, age?: number): void;
  /** An identity token as Google issues it for a service account, valid for an hour. `undefined` removes a claim. */
  issue(subject: string, claims?: Readonly<Record<string, unknown>>): Promise<string>;
}

const fresh = { maxAgeS: 19_800, ageS: 0 };
const makePair = promisify(generateKeyPair);

interface Pair {
  kid: string;
  privateKey: KeyObject;
  published: JWK & { kty: "RSA" };
}

/**
 * Starts an endpoint that answers as `https://www.googleapis.com/oauth2/v3/certs` does: two RSA keys, `Cache-Control`
 * with a `max-age`. Source: that address, whose answer anybody can read.
 */
export async function startCertificates(
  options: { audience?: string; now?: () => number; port?: number } = {},
): Promise<Certificates> {
  const now = () => Math.floor((options.now ?? Date.now)() / 1_000);
  let life: { maxAgeS: number | null; ageS: number } = fresh;
  let count = 2;
  let pairs: Pair[] = await Promise.all([pair(1), pair(0)]);

  const http = await startHttp<CertificateFault>(
    ({ method, path }, fault) => {
      if (path !== "/oauth2/v3/certs") return json(404, { error: { code: 404, message: "Not Found" } });
      if (method !== "GET") return json(405, { error: { code: 405, message: "Method Not Allowed" } });
      const headers = {
        age: String(life.ageS),
        ...(life.maxAgeS === null
          ? {}
          : { "cache-control": `public, max-age=${life.maxAgeS}, must-revalidate, no-transform` }),
      };
      if (fault === "no_keys") return json(200, { keys: [] }, headers);
      if (fault === "no_set") return json(200, { [pairs[0]?.kid ?? ""]: "-----BEGIN CERTIFICATE-----" }, headers);
      const keys = pairs.map(({ published }) => published);
      if (fault === "odd_keys") {
        const odd = keys.flatMap((key) => [
          { ...key, use: "enc" },
          { ...key, alg: "RS512" },
          { ...key, kty: "OKP" },
          null,
        ]);
        return json(200, { keys: odd }, headers);
      }
      return json(fault === "partial" ? 206 : 200, { keys }, headers);
    },
    { own: certificateFaults, ...(options.port === undefined ? {} : { port: options.port }) },
  );

  function newest(): Pair {
    const [first] = pairs;
    if (first === undefined) throw new Error("the issuer has no key");
    return first;
  }

  const sign: Issuer["sign"] = async (claims, header) => {
    const { kid, privateKey } = newest();
    return await new SignJWT({ ...claims })
      .setProtectedHeader({ alg: "RS256", kid, typ: "JWT", ...header })
      .sign(privateKey);
  };

  return {
    ...http,
    url: `${http.url}/oauth2/v3/certs`,
    now,
    sign,
    keyId: () => newest().kid,
    async rotate() {
      pairs = [await pair(count), newest()];
      count += 1;
    },
    maxAge(maxAgeS, ageS = 0) {
      life = { maxAgeS, ageS };
    },
    issue(subject, claims = {}) {
      const iat = now();
      return sign({
        iss: GOOGLE_ISSUER,
        aud: options.audience ?? "cloudact-integrations-decrypt",
        azp: subject,
        sub: subject,
        email: `${subject}@bench.example`,
        email_verified: true,
        iat,
        exp: iat + 3_600,
        ...claims,
      });
    },
    reset() {
      http.reset();
      life = fresh;
    },
  };
}

/** Keys are dear to make, so one process makes each once: the first, second and later of every issuer are the same. */
const made: Array<Promise<Pair>> = [];

function pair(index: number): Promise<Pair> {
  made[index] ??= makeKey(index);
  return made[index];
}

async function makeKey(index: number): Promise<Pair> {
  const { privateKey, publicKey } = await makePair("rsa", { modulusLength: 2_048 });
  const kid = createHash("sha1")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("hex");
  const { n, e } = await exportJWK(publicKey);
  if (n === undefined || e === undefined) throw new Error(`key ${index} has no modulus`);
  return { kid, privateKey, published: { n, e, alg: "RS256", use: "sig", kid, kty: "RSA" } };
}
