import { useState } from "preact/hooks";
import { Button } from "../parts/button.tsx";

const themes = ["auto", "light", "dark"] as const;
const icons = { auto: "auto", light: "sun", dark: "moon" } as const;

/** Light, dark, or as the system has it. Remembered until the page is closed, like everything here. */
export function Theme() {
  const [theme, setTheme] = useState(
    () => themes.find((one) => one === document.documentElement.dataset["theme"]) ?? "auto",
  );
  const next = themes[(themes.indexOf(theme) + 1) % themes.length] ?? "auto";
  return (
    <Button
      look="quiet"
      icon={icons[theme]}
      aria-label={`Colours: ${theme === "auto" ? "as the system" : theme}. Change to ${next === "auto" ? "as the system" : next}`}
      onClick={() => {
        document.documentElement.dataset["theme"] = next;
        setTheme(next);
      }}
    />
  );
}
