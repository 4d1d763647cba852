import { benchToken } from "./bearer.ts";
import { GOOGLE_ISSUER, type Issuer, subjectOf } from "./certificates.ts";
import { type Answer, type HttpSimulator, json, startHttp } from "./http-simulator.ts";

export type MetadataFault = (typeof metadataFaults)[number];
/** `no_flavour` answers as a server that is not Google's, `no_token` with a token's members and no token. */
export const metadataFaults = ["no_flavour", "no_token"] as const;

/** The metadata server of an instance that runs as one service account. */
export interface Metadata extends HttpSimulator<MetadataFault> {
  email: string;
  /** What a process needs to take this server for its own, and no other credentials for its own. */
  env: Record<string, string>;
}

export interface MetadataOptions {
  project?: string;
  /** Who signs identity tokens; without one `identity` is answered 404. */
  issuer?: Issuer;
  /** Seconds that access tokens last; Google's answer is at most an hour, of one that it may have cached. */
  expiresIn?: number;
}

const ROOT = "/computeMetadata/v1";

/**
 * Starts a metadata server for the service account. Every path wants `Metadata-Flavor: Google` and every answer carries
 * it. Source: https://docs.cloud.google.com/compute/docs/metadata/querying-metadata, read 2026-11-21.
 */
export async function startMetadata(email: string, options: MetadataOptions = {}): Promise<Metadata> {
  const project = options.project ?? "cloudact-testing-1";
  const account = `${ROOT}/instance/service-accounts/default`;

  const http = await startHttp<MetadataFault>(
    async ({ path, query, headers }, fault) => {
      if (headers["metadata-flavor"] !== "Google")
        return flavoured({ status: 403, body: "Missing Metadata-Flavor:Google header.\n" });
      const good = await answer(path.replace(/\/$/, ""), query);
      if (fault === "no_flavour") return good;
      if (fault === "no_token" && path.endsWith("/token")) return flavoured(json(200, { token_type: "Bearer" }));
      return flavoured(good);
    },
    { own: metadataFaults },
  );

  async function answer(path: string, query: URLSearchParams): Promise<Answer> {
    switch (path) {
      case ROOT:
        return text("instance/\nproject/\nuniverse/\n");
      case `${ROOT}/instance`:
        return text("region\nservice-accounts/\n");
      case `${ROOT}/instance/service-accounts`:
        return text(`default/\n${email}/\n`);
      case `${account}/email`:
        return text(email);
      case `${account}/scopes`:
        return text("https://www.googleapis.com/auth/cloud-platform\n");
      case `${account}/token`:
        return json(200, {
          access_token: benchToken(email),
          expires_in: options.expiresIn ?? 3_599,
          token_type: "Bearer",
        });
      case `${account}/identity`:
        return await identity(query);
      case `${ROOT}/project/project-id`:
        return text(project);
      case `${ROOT}/project/numeric-project-id`:
        return text("123456789012");
      case `${ROOT}/universe/universe-domain`:
        return text("googleapis.com");
      case `${ROOT}/instance/region`:
        return text("projects/123456789012/regions/us-central1");
      default:
        return {
          status: 404,
          headers: { "content-type": "text/html" },
          body: "<!DOCTYPE html><title>Error 404</title>",
        };
    }
  }

  async function identity(query: URLSearchParams): Promise<Answer> {
    const audience = query.get("audience");
    if (options.issuer === undefined) return { status: 404, body: "" };
    if (!audience) return { status: 400, body: "non-empty audience parameter required\n" };
    const iat = options.issuer.now();
    const sub = subjectOf(email);
    const full = query.get("format") === "full" ? { email, email_verified: true } : {};
    return text(
      await options.issuer.sign({ aud: audience, azp: sub, exp: iat + 3_600, iat, iss: GOOGLE_ISSUER, sub, ...full }),
    );
  }

  return {
    ...http,
    email,
    env: { GCE_METADATA_HOST: http.host, METADATA_SERVER_DETECTION: "assume-present" },
  };
}

function text(body: string): Answer {
  return { status: 200, headers: { "content-type": "application/text" }, body };
}

function flavoured(answer: Answer): Answer {
  return {
    ...answer,
    headers: { ...answer.headers, "metadata-flavor": "Google", server: "Metadata Server for Serverless" },
  };
}
