import { Fault } from "../../contract/fault.ts";

/**
 * The full name of a table in backticks, as it stands in a statement: names are the only thing that is written into one.
 *
 * @param text `project.dataset.table`
 * @throws RangeError for what is none
 */
export function tableNamed(text: string): string {
  if (!/^[a-z][a-z0-9-]{4,28}[a-z0-9]\.[A-Za-z0-9_]{1,1024}\.[A-Za-z0-9_-]{1,1024}$/.test(text))
    throw new RangeError("the table is not named project.dataset.table");
  return `\`${text}\``;
}

/**
 * Reads an older table, of which only the columns that the sources name are certain.
 *
 * @throws Fault `request_malformed` where BigQuery does not take the statement: the table lacks such a column
 */
export async function readOlder<Value>(columns: string, read: () => Promise<Value>): Promise<Value> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "internal") throw error;
    throw new Fault("request_malformed", {
      detail: "The older table cannot be read",
      remedy: `Name a table that has at least the columns ${columns}`,
      cause: error,
    });
  }
}
