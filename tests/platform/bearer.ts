const PREFIX = "ya29.bench.";

/** The access token that a service account has on the bench: its name, readable by every simulator. */
export function benchToken(email: string): string {
  return `${PREFIX}${Buffer.from(email, "utf8").toString("base64url")}`;
}

/** Whose token stands in an `Authorization` header; `null` where there is none that the bench gave out. */
export function identityOf(authorization: string | undefined): string | null {
  const token = /^Bearer (\S+)$/.exec(authorization ?? "")?.[1];
  if (!token?.startsWith(PREFIX)) return null;
  const email = Buffer.from(token.slice(PREFIX.length), "base64url").toString("utf8");
  return email.includes("@") ? email : null;
}

/** What a caller wants to do: `{ service: "kms", resource: "projects/…/cryptoKeys/…", action: "encrypt" }`. */
export interface Right {
  service: string;
  resource: string;
  action: string;
}

/** Whether the identity has this right; `null` is a caller without a token of the bench. */
export type Allows = (identity: string | null, right: Right) => boolean;
