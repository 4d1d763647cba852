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
    if (store === null || !address.isUnknown) return;
    toast("There is no such page. This is the overview.", "info");
    go(store.org, { view: "overview", section: null }, null, true);
  }, [store, address, toast]);
  return (
    <>
      {store === null || isOther ? (
        <SignIn org={address.org} onOpen={setStore} />
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
