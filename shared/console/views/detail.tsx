import { useEffect, useState } from "preact/hooks";
import type { Failure } from "../../client/results.ts";
import { useDesk } from "../context.ts";
import { Badge } from "../parts/badge.tsx";
import { Heading } from "../parts/heading.tsx";
import { Icon } from "../parts/icon.tsx";
import { Link } from "../parts/link.tsx";
import { Moment } from "../parts/moment.tsx";
import { Notice } from "../parts/notice.tsx";
import { Problem } from "../parts/problem.tsx";
import { Skeleton } from "../parts/skeleton.tsx";
import { Tile } from "../parts/tile.tsx";
import type { Face } from "../registry.ts";
import { day } from "../time.ts";
import { explain, sectionNames, sentence, standingOf } from "../words.ts";
import { Acts } from "./acts.tsx";
import { Facts } from "./facts.tsx";
import { Findings } from "./findings.tsx";
import { Guide } from "./guide.tsx";
import { ReadOnly } from "./setup.tsx";
import { useIntent } from "./submitting.tsx";
import { Tables } from "./tables.tsx";
import { Timeline } from "./timeline.tsx";

/** One integration: how it stands and why, what can be done with it, and what has happened to it. */
export function Detail({ face, code }: { face: Face; code: string }) {
  const { store, toast } = useDesk();
  const [failure, setFailure] = useState<Failure | null>(null);
  const [isBusy, setBusy] = useState(false);
  const detail = store.details.get(code);
  const summary = store.summaries[code];
  const name = detail?.info.display_name ?? summary?.display_name ?? face.display_name;
  const read = async () => setFailure(await store.loadDetail(code));
  useEffect(() => {
    void store.loadDetail(code).then(setFailure);
  }, [store, code]);
  const intent = useIntent();
  const undo = async () => {
    setBusy(true);
    const answer = await store.client.updateIntegration({
      orgSlug: store.org,
      provider: code.toLowerCase(),
      deactivationScheduledAt: null,
      idempotencyKey: intent([detail?.etag, "undo"]),
      ...(detail?.etag ? { ifMatch: detail.etag } : {}),
    });
    setBusy(false);
    if (!answer.success) return setFailure(answer);
    toast(`${name} is kept. The deletion is cancelled.`);
    await store.refresh(code);
  };
  const info = detail?.info;
  const standing = summary ? standingOf(info ?? summary) : null;
  return (
    <>
      <nav class="crumbs" aria-label="Where you are">
        <Link to={{ view: "overview", section: null }}>Integrations</Link>
        <Icon name="right" size={14} />
        <Link to={{ view: "overview", section: face.category }}>{sectionNames[face.category]}</Link>
      </nav>
      <div class="title-row">
        <Tile name={name} big />
        <div>
          <Heading text={name} />
          {info ? <p class="row-sub">{info.credential_name}</p> : null}
        </div>
        {standing ? <Badge {...standing} /> : null}
      </div>
      {store.canManage ? null : <ReadOnly />}
      {failure ? <Problem failure={failure} again={() => void read()} againLabel="Load it again" /> : null}
      {detail === undefined || info === undefined ? (
        failure ? null : (
          <div class="card">
            <Skeleton lines={6} />
          </div>
        )
      ) : (
        <>
          {info.deactivation_scheduled_at ? (
            <Notice
              tone="warn"
              title={
                <>
                  It will be deleted <Moment at={info.deactivation_scheduled_at} />, on{" "}
                  {day(info.deactivation_scheduled_at)}.
                </>
              }
              actions={
                <button
                  type="button"
                  class="button small"
                  aria-busy={isBusy}
                  disabled={!store.canManage || isBusy}
                  onClick={() => void undo()}
                >
                  Undo: keep it
                </button>
              }
            >
              <p>Until then it works as before. From then on no pipeline is handed it, and its secret is destroyed.</p>
            </Notice>
          ) : null}
          <div class="detail">
            <div class="detail-main">
              <section class="card" aria-labelledby="standing">
                <h2 id="standing">How it stands</h2>
                <p class="lead">{explain(info)}</p>
                {info.validation.remedy ? <p class="remedy">{sentence(info.validation.remedy)}</p> : null}
                <dl class="moments">
                  <div>
                    <dt>Last success</dt>
                    <dd>
                      <Moment at={info.last_validated_at} />
                    </dd>
                  </div>
                  <div>
                    <dt>Last attempt</dt>
                    <dd>
                      <Moment at={info.last_checked_at} />
                    </dd>
                  </div>
                  <div>
                    <dt>Expires</dt>
                    <dd>
                      <Moment at={info.expires_at} none="no date known" />
                    </dd>
                  </div>
                </dl>
                <Acts face={face} code={code} detail={detail} />
              </section>
              <section class="card" aria-labelledby="ready">
                <h2 id="ready">What it can deliver</h2>
                <Findings face={face} capabilities={info.capabilities} pipelines={info.pipelines} />
                <Tables tables={info.validation.details?.tables ?? []} />
              </section>
              <Timeline code={code} version={`${info.updated_at} ${info.status}`} />
            </div>
            <div class="detail-side">
              <Facts face={face} info={info} />
              {face.credential_type === "none" ? null : <Guide face={face} isFolded />}
            </div>
          </div>
        </>
      )}
    </>
  );
}
