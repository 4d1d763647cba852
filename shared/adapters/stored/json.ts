import { type FaultCode, faults } from "../../contract/fault.ts";
import {
  type Capability,
  outcomes,
  type TableReport,
  tableKinds,
  tableStates,
  type Verdict,
} from "../../contract/verdict.ts";

/** Whether a value is a JSON object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The JSON object in a text, or `null`. Says nothing of what it read: a message of JSON.parse would quote it. */
export function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}

/** A verdict as it was stored, or `null` where it is none. Members that an older version did not have are `null` or empty. */
export function readVerdict(value: Record<string, unknown>): Verdict | null {
  const outcome = outcomes.find((one) => one === value["outcome"]);
  const code = value["code"] ?? null;
  const capabilities = list(value["capabilities"], readCapability);
  const warnings = list(value["warnings"], (one) => (typeof one === "string" ? one : null));
  const details = readDetails(value["details"]);
  if (!outcome || (code !== null && !isFaultCode(code)) || !capabilities || !warnings || !details) return null;
  return {
    outcome,
    code,
    message: text(value["message"]) ?? "",
    reason: text(value["reason"]),
    remedy: text(value["remedy"]),
    details,
    http_status: number(value["http_status"]),
    provider_code: text(value["provider_code"]),
    provider_request_id: text(value["provider_request_id"]),
    retry_after_s: number(value["retry_after_s"]),
    capabilities,
    warnings,
    field: text(value["field"]),
    expires_at: text(value["expires_at"]),
    ...(isRecord(value["discovered"]) ? { discovered: value["discovered"] } : {}),
    ...(typeof value["settings"] === "string" ? { settings: value["settings"] } : {}),
  };
}

function readDetails(value: unknown): Verdict["details"] | null {
  if (!isRecord(value)) return null;
  const { connection, permissions, models, tables } = value;
  const told = Array.isArray(tables) ? tables.map(readTable).filter((one) => one !== null) : [];
  return {
    connection: text(connection) ?? "",
    permissions: text(permissions) ?? "",
    ...(typeof models === "number" ? { models } : {}),
    ...Object.fromEntries(
      TEXT_FACTS.flatMap((name) => (text(value[name]) === null ? [] : [[name, text(value[name])]])),
    ),
    ...(told.length > 0 ? { tables: told } : {}),
  };
}

const TEXT_FACTS = ["tier", "message", "account", "key_created_at", "cancellation_deadline", "next_renewal_date"];

function readTable(value: unknown): TableReport | null {
  if (!isRecord(value)) return null;
  const kind = tableKinds.find((one) => one === value["kind"]);
  const state = tableStates.find((one) => one === value["state"]);
  const [setting, table] = [text(value["setting"]), text(value["table"])];
  if (!kind || !state || setting === null || table === null) return null;
  return {
    setting,
    table,
    kind,
    state,
    location: text(value["location"]),
    last_export_at: text(value["last_export_at"]),
    lag_hours: number(value["lag_hours"]),
  };
}

function readCapability(value: unknown): Capability | null {
  if (!isRecord(value)) return null;
  const { id, state, reason, remedy } = value;
  if (typeof id !== "string" || (state !== "granted" && state !== "denied" && state !== "unknown")) return null;
  return {
    id,
    state,
    ...(typeof reason === "string" ? { reason } : {}),
    ...(typeof remedy === "string" ? { remedy } : {}),
  };
}

function isFaultCode(value: unknown): value is FaultCode {
  return typeof value === "string" && Object.hasOwn(faults, value);
}

/** Every element as read, an empty list where there is none, `null` where one cannot be read. */
function list<T>(value: unknown, readOne: (one: unknown) => T | null): T[] | null {
  if (value === undefined) return [];
  if (!Array.isArray(value)) return null;
  const read = value.map(readOne).filter((one) => one !== null);
  return read.length === value.length ? read : null;
}

function text(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function number(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
