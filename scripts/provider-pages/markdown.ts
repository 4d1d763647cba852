/** Hosts that are pages for people even where no path follows. */
const FRONT_PAGE = /^(?:(?:admin|app|console|dashboard|health|platform|portal|status)\.|claude\.ai$)/;
/** `platform.openai.com/settings`, with or without its scheme, where it stands as a word of its own. */
const PAGE =
  /(?<![@\w./-])(?:https:\/\/)?((?:[a-z0-9-]+\.)+(?:com|ai|org|net|io|dev|app))((?:\/[\w.~%#?=&-]+)*\/?)(?![\w@])/g;

/** Text of the registry as Markdown: nothing in it is markup but `code`, and pages for people are links. */
export function prose(text: string): string {
  return text
    .split(/(`[^`]+`)/)
    .map((part) => (part.startsWith("`") && part.length > 2 ? part : linked(escaped(part))))
    .join("")
    .replaceAll(/\s*\n\s*/g, " ");
}

function escaped(text: string): string {
  return text.replaceAll(/[\\*[\]`<]/g, "\\$&").replaceAll(/&(?=#?\w+;)/g, "&amp;");
}

function linked(text: string): string {
  return text.replaceAll(PAGE, (whole, host: string, path: string) => {
    if (path.length < 2 && !whole.startsWith("https://") && !FRONT_PAGE.test(host)) return whole;
    const trailing = /[.?]+$/.exec(path)?.[0] ?? "";
    const page = `${host}${path.slice(0, path.length - trailing.length)}`;
    return `[${page}](https://${page})${trailing}`;
  });
}

/** A value as inline code, whatever is in it. */
export function code(text: string): string {
  const fence = text.includes("`") ? "``" : "`";
  return `${fence}${text}${fence}`;
}

/** A block of code whose fence is longer than any inside. */
export function block(language: string, text: string): string {
  const runs = [...text.matchAll(/`+/g)].map(([run]) => run.length);
  const fence = "`".repeat(Math.max(3, ...runs.map((length) => length + 1)));
  return `${fence}${language}\n${text.replace(/\n+$/, "")}\n${fence}`;
}

/** A table; cells are Markdown, and a `|` in them is escaped, in code too. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

export function bullets(items: readonly string[]): string {
  return items.map((item) => `- ${item}`).join("\n");
}

export function steps(items: readonly string[]): string {
  return items.map((item, index) => `${index + 1}. ${item}`).join("\n");
}

/** The fragment by which a heading is linked to, as GitHub makes it. */
export function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(/\s/g, "-");
}

/** Parts of a page with one empty line between them; empty parts are left out. */
export function page(...parts: readonly string[]): string {
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

/** "a, b or c" */
export function either(words: readonly string[], last = "or"): string {
  return words.length > 1 ? `${words.slice(0, -1).join(", ")} ${last} ${words.at(-1)}` : (words[0] ?? "");
}
