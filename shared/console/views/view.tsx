import { useEffect, useRef } from "preact/hooks";
import { useDesk } from "../context.ts";
import { go } from "../navigation.ts";
import type { Address } from "../places.ts";
import { familyOf, findFace } from "../registry.ts";
import { Detail } from "./detail.tsx";
import { Overview } from "./overview.tsx";
import { Setup } from "./setup.tsx";

/** The view that an address means: of a provider its integration where there is one, else the form that makes one. */
export function View({ address }: { address: Address }) {
  const { org, place } = address;
  const opened = useRef<{ address: Address; isForm: boolean } | null>(null);
  const { store, toast } = useDesk();
  const found = place.view === "overview" ? null : findFace(store.providers, place.segment);
  const isUnknown = place.view !== "overview" && found === null;
  useEffect(() => {
    if (isUnknown) {
      toast("There is no such provider. This is the overview.", "info");
      go(store.org, { view: "overview", section: null }, null, true);
    } else if (org === null) go(store.org, place, found?.face.category ?? null, true);
  }, [isUnknown, org, place, store, toast, found]);
  if (place.view === "overview" || found === null)
    return <Overview section={place.view === "overview" ? place.section : null} />;
  const { face, code } = found;
  const family = familyOf(store.providers, face);
  const codes = family.segment === place.segment ? family.members.map((one) => one.code) : [code];
  const configured = codes.find((one) => store.isConfigured(one));
  // The form stays, with what became of it, until one goes on: not only until the integration is there.
  if (opened.current?.address !== address)
    opened.current = { address, isForm: place.view === "setup" || configured === undefined };
  if (opened.current.isForm || configured === undefined)
    return <Setup key={place.segment} face={face} segment={place.segment} />;
  const own = store.providers.find((one) => one.code === configured) ?? face;
  return <Detail key={configured} face={own} code={configured} />;
}
