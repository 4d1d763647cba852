import { useCallback, useEffect, useState } from "preact/hooks";
import { DeskContext } from "./context.ts";
import { go, useAddress } from "./navigation.ts";
import { Toasts, useToasts } from "./parts/toasts.tsx";
import type { Store } from "./store.ts";
import { Frame } from "./views/frame.tsx";
import { SignIn } from "./views/sign-in.tsx";
import { View } from "./views/view.tsx";

/** The console: shut until an organisation's key is given, and shut again by the button, by a reload, or for another organisation. */
export function App() {
  const address = useAddress();
  const [store, setStore] = useState<Store | null>(null);
  const { toasts, toast } = useToasts();
  const lock = useCallback(() => setStore(null), []);
  const isOther = store !== null && address.org !== null && address.org !== store.org;
  useEffect(() => {
    if (isOther) setStore(null);
  }, [isOther]);
  useEffect(() => {
    addEventListener("dragover", keepFilesOut);
    addEventListener("drop", keepFilesOut);
    return () => {
      removeEventListener("dragover", keepFilesOut);
      removeEventListener("drop", keepFilesOut);
    };
  }, []);
  /** The address may name another organisation than the one that was opened: it follows, or the door would shut again. */
  const open = (opened: Store) => {
    if (address.org !== null && address.org !== opened.org)
      go(opened.org, { view: "overview", section: null }, null, true);
    setStore(opened);
  };
  useEffect(() => {
    if (store === null || !address.isUnknown) return;
    toast("There is no such page. This is the overview.", "info");
    go(store.org, { view: "overview", section: null }, null, true);
  }, [store, address, toast]);
  return (
    <>
      {store === null || isOther ? (
        <SignIn key={address.org ?? ""} org={address.org} onOpen={open} />
      ) : (
        <DeskContext.Provider value={{ store, toast, lock }}>
          <Frame address={address}>
            <View address={address} />
          </Frame>
        </DeskContext.Provider>
      )}
      <Toasts toasts={toasts} />
    </>
  );
}

/** A key file dropped beside its box would be opened by the browser, in the open. */
function keepFilesOut(event: DragEvent): void {
  const { dataTransfer } = event;
  if (event.defaultPrevented || !dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  dataTransfer.dropEffect = "none";
}
