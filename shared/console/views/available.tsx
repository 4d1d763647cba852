import { useDesk } from "../context.ts";
import { Icon } from "../parts/icon.tsx";
import { Link } from "../parts/link.tsx";
import { Tile } from "../parts/tile.tsx";
import type { Section } from "../places.ts";
import { customFace, type Face, familyOf } from "../registry.ts";
import { sectionNames } from "../words.ts";

interface Given {
  sections: readonly Section[];
  matching: (one: { display_name: string; provider?: string }) => boolean;
  isSearch: boolean;
}

/** What could be connected, family by family. */
export function Available({ sections, matching, isSearch }: Given) {
  const { store } = useDesk();
  const offers = offersOf(store.providers, (code) => store.summaries[code]?.lifecycle ?? "not_configured").filter(
    ({ name, face }) =>
      matching({ display_name: name, provider: face.code }) || matching({ display_name: face.display_name }),
  );
  const inSections = sections.map((section) => ({
    section,
    own: offers.filter(({ face }) => face.category === section),
  }));
  const any = inSections.some(({ own }) => own.length > 0);
  if (!any && isSearch)
    return (
      <p class="empty">Nothing else by that name. A vendor without an API can be recorded as a custom subscription.</p>
    );
  return (
    <section class="block available" aria-labelledby="available">
      <h2 id="available">Available</h2>
      {inSections.map(({ section, own }) =>
        own.length === 0 ? null : (
          <div key={section}>
            {sections.length > 1 ? <h3>{sectionNames[section]}</h3> : null}
            <ul class="offers">
              {own.map(({ name, segment, face }) => (
                <li key={segment}>
                  <Link class="offer" to={{ view: "setup", segment }} section={section}>
                    <Tile name={name} />
                    <span class="offer-do">
                      <Icon name="plus" size={15} />
                      {section === "saas" ? "Record" : "Connect"}
                    </span>{" "}
                    <span class="offer-name">{name}</span>
                    {face.code === customFace(store.providers)?.code ? (
                      <span class="hidden"> of any vendor</span>
                    ) : null}
                  </Link>
                </li>
              ))}
            </ul>
          </div>
        ),
      )}
    </section>
  );
}

interface Offer {
  name: string;
  segment: string;
  face: Face;
}

/** One offer for each family of which nothing is connected; custom subscriptions are always offered. */
function offersOf(faces: readonly Face[], lifecycleOf: (code: string) => string): Offer[] {
  const found = new Map<string, Offer>();
  for (const face of faces) {
    const { name, segment, members } = familyOf(faces, face);
    const isCustom = face.path.startsWith("custom-");
    if (!isCustom && members.some(({ code }) => lifecycleOf(code) !== "not_configured")) continue;
    found.set(segment, { name, segment: isCustom ? "custom-new" : segment, face });
  }
  return [...found.values()].sort(
    (left, right) =>
      Number(left.segment === "custom-new") - Number(right.segment === "custom-new") ||
      left.name.localeCompare(right.name),
  );
}
