import { areComparable, arrayOf, commonOf, isTakenAs, noSignature, settled, type Type, typed } from "./type.ts";

/** What each argument may be, `ANY` for all; the last counts for those that follow. The result by name. */
type Signature = [takes: readonly string[], gives: string];

const TEXT = "STRING|BYTES";
const TIME = "TIMESTAMP";

/** Functions with one result whatever they are given. Others are in `special`; what is in neither is not judged. */
const SIGNATURES: Readonly<Record<string, Signature>> = {
  PARSE_JSON: [["STRING"], "JSON"],
  TO_JSON: [["ANY"], "JSON"],
  TO_JSON_STRING: [["ANY"], "STRING"],
  JSON_OBJECT: [["ANY"], "JSON"],
  JSON_VALUE: [["STRING|JSON", "STRING"], "STRING"],
  JSON_VALUE_ARRAY: [["STRING|JSON", "STRING"], "ARRAY<STRING>"],
  JSON_TYPE: [["JSON"], "STRING"],
  FROM_BASE64: [["STRING"], "BYTES"],
  TO_BASE64: [["BYTES"], "STRING"],
  FROM_HEX: [["STRING"], "BYTES"],
  TO_HEX: [["BYTES"], "STRING"],
  MD5: [[TEXT], "BYTES"],
  SHA256: [[TEXT], "BYTES"],
  LOWER: [[TEXT], "STRING"],
  UPPER: [[TEXT], "STRING"],
  TRIM: [[TEXT], "STRING"],
  SUBSTR: [["STRING", "INT64"], "STRING"],
  REPLACE: [["STRING"], "STRING"],
  REGEXP_EXTRACT: [["STRING", "STRING", "INT64"], "STRING"],
  REGEXP_REPLACE: [["STRING"], "STRING"],
  REGEXP_CONTAINS: [[TEXT], "BOOL"],
  STARTS_WITH: [[TEXT], "BOOL"],
  ENDS_WITH: [[TEXT], "BOOL"],
  STRPOS: [[TEXT], "INT64"],
  SPLIT: [["STRING"], "ARRAY<STRING>"],
  LENGTH: [[TEXT], "INT64"],
  BYTE_LENGTH: [[TEXT], "INT64"],
  CHAR_LENGTH: [["STRING"], "INT64"],
  STRING_AGG: [["STRING"], "STRING"],
  GENERATE_UUID: [[], "STRING"],
  CURRENT_TIMESTAMP: [[], TIME],
  TIMESTAMP: [["STRING|DATE|DATETIME|TIMESTAMP", "STRING"], TIME],
  TIMESTAMP_SECONDS: [["INT64"], TIME],
  TIMESTAMP_MILLIS: [["INT64"], TIME],
  TIMESTAMP_MICROS: [["INT64"], TIME],
  UNIX_SECONDS: [[TIME], "INT64"],
  UNIX_MILLIS: [[TIME], "INT64"],
  UNIX_MICROS: [[TIME], "INT64"],
  TIMESTAMP_ADD: [[TIME, "ANY"], TIME],
  TIMESTAMP_SUB: [[TIME, "ANY"], TIME],
  TIMESTAMP_TRUNC: [[TIME, "ANY"], TIME],
  TIMESTAMP_DIFF: [[TIME, TIME, "ANY"], "INT64"],
  FORMAT_TIMESTAMP: [["STRING", TIME, "STRING"], "STRING"],
  PARSE_TIMESTAMP: [["STRING"], TIME],
  COUNT: [["ANY"], "INT64"],
  COUNTIF: [["BOOL"], "INT64"],
  LOGICAL_AND: [["BOOL"], "BOOL"],
  LOGICAL_OR: [["BOOL"], "BOOL"],
  ROW_NUMBER: [[], "INT64"],
  RANK: [[], "INT64"],
  ARRAY_LENGTH: [["ANY"], "INT64"],
  MOD: [["INT64|NUMERIC"], "INT64"],
};

/** Those that give back what they are given. */
const SAME_AS_FIRST = new Set([
  "MAX",
  "MIN",
  "ANY_VALUE",
  "FIRST_VALUE",
  "LAST_VALUE",
  "LAG",
  "LEAD",
  "ABS",
  "SUM",
  "JSON_QUERY",
]);

/**
 * The type of a call.
 *
 * @throws Refusal 400 where a function that is known here takes none of these arguments.
 */
export function callType(name: string, given: readonly Type[]): Type {
  const refused = (): never => {
    throw noSignature(`function ${name}`, given);
  };
  const [first = null, second = null, third = null] = given;
  switch (name) {
    case "COALESCE":
    case "IFNULL":
    case "GREATEST":
    case "LEAST": {
      const common = commonOf(given);
      return common === undefined ? refused() : common;
    }
    case "IF": {
      const common = commonOf([second, third]);
      return isTakenAs(first, "BOOL") && common !== undefined ? common : refused();
    }
    case "NULLIF":
      return areComparable(first, second) ? settled(first) : refused();
    case "CONCAT":
      return given.every((one) => isTakenAs(one, "STRING")) || given.every((one) => isTakenAs(one, "BYTES"))
        ? settled(first)
        : refused();
    case "ARRAY_AGG":
      return arrayOf(first);
  }
  if (SAME_AS_FIRST.has(name)) return settled(first);
  const signature = SIGNATURES[name];
  if (signature === undefined) return null;
  const [takes, gives] = signature;
  const fits = given.every((one, at) => {
    const wanted = takes[at] ?? takes.at(-1) ?? "ANY";
    return wanted === "ANY" || wanted.split("|").some((type) => isTakenAs(one, type));
  });
  return fits ? typed(gives) : refused();
}
