import type { Capability, Readiness } from "../../contract/verdict.ts";
import { Icon } from "../parts/icon.tsx";
import type { Face } from "../registry.ts";
import { lowered, pipelineName, sentence, spoken } from "../words.ts";

interface Given {
  face: Face;
  capabilities: readonly Capability[];
  pipelines: readonly Readiness[];
  warnings?: readonly string[];
}

const icons = { granted: "check", denied: "cross", unknown: "info" } as const;
const words = { granted: "yes", denied: "no", unknown: "not known" } as const;
const tones = { granted: "good", denied: "warn", unknown: "off" } as const;

/** What a credential can do: which pipelines can run; of those that cannot, what is missing and how to get it. */
export function Findings({ face, capabilities, pipelines, warnings = [] }: Given) {
  const labelOf = (id: string) => face.capabilities.find((one) => one.id === id)?.label ?? spoken(id);
  const told = new Set<string>();
  const remediesFor = (missing: readonly string[]) => {
    const remedies = capabilities.flatMap(({ id, remedy }) => (missing.includes(id) && remedy ? [remedy] : []));
    const fresh = [...new Set(remedies)].filter((remedy) => !told.has(remedy));
    for (const remedy of fresh) told.add(remedy);
    return fresh;
  };
  return (
    <div class="findings">
      {warnings.map((warning) => (
        <p key={warning} class="warned">
          <Icon name="alert" size={15} /> {sentence(spoken(warning))}
        </p>
      ))}
      {pipelines.length > 0 ? (
        <ul class="checks" aria-label="Pipelines">
          {alike(pipelines).map(({ ids, ready, missing }) => (
            <li key={ids.join()} class={ready === true ? "good" : ready === false ? "warn" : "off"}>
              <Icon name={ready === true ? "check" : ready === false ? "alert" : "info"} size={15} />
              <div>
                <strong>
                  {ids.map((id, index) => (
                    <span key={id} title={id}>
                      {index > 0 ? ", " : ""}
                      {pipelineName(id)}
                    </span>
                  ))}
                </strong>
                <span class="check-word">
                  {ready === true
                    ? "Ready"
                    : ready === false
                      ? `Not ready. Missing: ${missing.map(labelOf).map(lowered).join(", ")}.`
                      : "Not known yet"}
                </span>
                {ready === false
                  ? remediesFor(missing).map((remedy) => (
                      <p key={remedy} class="remedy">
                        {sentence(remedy)}
                      </p>
                    ))
                  : null}
              </div>
            </li>
          ))}
        </ul>
      ) : null}
      {capabilities.length > 0 ? (
        <details class="more">
          <summary>
            What it may do ({capabilities.filter(({ state }) => state === "granted").length} of {capabilities.length})
          </summary>
          <ul class="checks">
            {capabilities.map(({ id, state }) => (
              <li key={id} class={tones[state]}>
                <Icon name={icons[state]} size={15} />
                <span>
                  {labelOf(id)} <span class="check-word">{words[state]}</span>
                </span>
              </li>
            ))}
          </ul>
        </details>
      ) : null}
    </div>
  );
}

/** Pipelines that lack the same are told together. */
function alike(pipelines: readonly Readiness[]): Array<Omit<Readiness, "id"> & { ids: string[] }> {
  const groups = new Map<string, Omit<Readiness, "id"> & { ids: string[] }>();
  for (const { id, ready, missing } of pipelines) {
    const key = `${ready} ${ready === false ? missing.join() : ""}`;
    const group = groups.get(key);
    if (group) group.ids.push(id);
    else groups.set(key, { ids: [id], ready, missing });
  }
  return [...groups.values()];
}
