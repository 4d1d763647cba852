/** A provider's initials on a colour of its own: no logo is loaded from anywhere. */
export function Tile({ name, big = false }: { name: string; big?: boolean }) {
  const words = name
    .replace(/\(.*\)/, "")
    .split(/[\s.-]+/)
    .filter(Boolean);
  const initials = words.length > 1 ? `${words[0]?.charAt(0)}${words[1]?.charAt(0)}` : name.slice(0, 2);
  let sum = 7;
  for (const unit of name) sum = (sum * 31 + (unit.codePointAt(0) ?? 0)) % 360;
  return (
    <span class={`tile${big ? " big" : ""}`} aria-hidden="true" style={{ "--hue": String(sum) }}>
      {initials}
    </span>
  );
}
