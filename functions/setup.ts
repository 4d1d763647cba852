import "./quiet.ts";
import { importBody, readBody, setupBody } from "../shared/contract/bodies.ts";
import { adaptOlderShape, DEPRECATED_SINCE } from "../shared/contract/older-shapes.ts";
import { ok } from "../shared/http/answer.ts";
import { type Handlers, spend } from "../shared/http/endpoint.ts";
import { readPrecondition } from "../shared/http/preconditions.ts";
import { readFlag } from "../shared/http/query.ts";
import { onceAtATime } from "../shared/operations/change.ts";
import { importMany } from "../shared/operations/import.ts";
import { dryRun, setup } from "../shared/operations/setup.ts";
import type { Parts } from "./parts.ts";
import { serve } from "./serve.ts";
import { idempotencyOf, subjectOf } from "./target.ts";

/** POST /{org}/{provider}/setup → 201, 200 for a replacement · POST /{org}/import → 200. May encrypt, may not decrypt. */
export const handlers: Handlers<Parts> = {
  setup: async (call, parts) => {
    const subject = await subjectOf(call, parts);
    const dry = readFlag(call.request, "dry_run");
    const { fields, document } = subject.entry;
    const shape = { fieldNames: fields.map(({ name }) => name), document };
    const adapted = adaptOlderShape(call.request.body, shape);
    const body = readBody(setupBody, adapted.body);
    const precondition = readPrecondition(call.request, { createOnly: true });
    const deprecation = adapted.deprecated ? { deprecation: DEPRECATED_SINCE } : {};
    if (body.skip_validation) call.audited.reason_code = "validation_skipped";
    if (dry) return ok(await dryRun(parts, { ...subject, body, precondition, idempotency: null }), deprecation);
    const idempotency = await idempotencyOf(call, parts, subject.entry.code);
    const done = await setup(parts, { ...subject, body, precondition, idempotency });
    call.audited.credential_id = String(done.body["credential_id"]);
    if (done.sealed)
      Object.assign(call.audited, { fingerprint: done.sealed.fingerprint, key_version: done.sealed.keyVersion });
    return { status: done.status, body: done.body, headers: { etag: done.etag, ...deprecation } };
  },
  import: async (call, parts) => {
    spend(call, parts);
    const dryRun = readFlag(call.request, "dry_run");
    const body = readBody(importBody, call.request.body);
    const idempotency = dryRun ? null : await idempotencyOf(call, parts);
    const done = await onceAtATime(parts, idempotency?.keyHash ?? null, () =>
      importMany(parts, {
        org: call.request.org ?? "",
        requestId: call.request.id,
        actor: call.actor.id ?? "",
        body,
        dryRun,
        idempotency,
      }),
    );
    return ok(done);
  },
};

serve("setup", handlers);
