import { counts } from "./table.ts";

/* Prints how many rows of the accuracy table each provider has: `node tests/accuracy/count.ts`. */

const rows = counts();
const sum = (of: (row: (typeof rows)[number]) => number) => rows.reduce((total, row) => total + of(row), 0);
console.table([
  ...rows,
  {
    provider: "all",
    rows: sum((row) => row.rows),
    own: sum((row) => row.own),
    undocumented: sum((row) => row.undocumented),
  },
]);
