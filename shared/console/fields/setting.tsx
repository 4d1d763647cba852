import type { ComponentChildren } from "preact";
import type { ProviderSetting } from "../../client/answers.ts";
import { Button } from "../parts/button.tsx";
import { fits } from "../pattern.ts";
import { Field } from "./field.tsx";

/** A setting's value as it is entered: text, or for a list an entry for each element. */
export type Entered = string | Array<Record<string, string>>;
export type EnteredSettings = Readonly<Record<string, Entered>>;

interface Given {
  setting: ProviderSetting;
  value: Entered | undefined;
  errors: Readonly<Record<string, ComponentChildren>>;
  /** Its place in `errors`. */
  path: string;
  onChange: (value: Entered) => void;
}

/** A setting that is not secret, by its kind. */
export function Setting({ setting, value, errors, path, onChange }: Given) {
  const { label, help, required, kind } = setting;
  if (kind === "list")
    return <ListSetting setting={setting} value={value} errors={errors} path={path} onChange={onChange} />;
  const text = typeof value === "string" ? value : "";
  const options = kind === "boolean" ? ["true", "false"] : setting.options;
  return (
    <Field label={label} optional={!required} help={help} error={errors[path]}>
      {(tied) =>
        options !== null ? (
          <select {...tied} value={text} onChange={(event) => onChange(event.currentTarget.value)}>
            <option value="">{required ? "Choose…" : "Not set"}</option>
            {options.map((option) => (
              <option key={option} value={option}>
                {kind === "boolean" ? (option === "true" ? "Yes" : "No") : option.replaceAll("_", " ")}
              </option>
            ))}
          </select>
        ) : (
          <input
            {...tied}
            {...inputKind(kind)}
            value={text}
            placeholder={kind === "date" ? undefined : setting.example}
            autoComplete="off"
            spellcheck={false}
            onInput={(event) => onChange(event.currentTarget.value)}
          />
        )
      }
    </Field>
  );
}

function inputKind(kind: string) {
  if (kind === "date") return { type: "date" } as const;
  return { type: "text", inputMode: kind === "decimal" ? "decimal" : kind === "integer" ? "numeric" : "text" } as const;
}

function ListSetting({ setting, value, errors, path, onChange }: Given) {
  const items = Array.isArray(value) ? value : [];
  const most = setting.max ?? 10;
  return (
    <fieldset class="list-setting">
      <legend>
        {setting.label}
        <span class="optional"> optional</span>
      </legend>
      {setting.help ? <p class="help">{setting.help}</p> : null}
      {items.map((item, index) => (
        <div class="list-item" key={index}>
          {(setting.items ?? []).map((inner) => (
            <Setting
              key={inner.name}
              setting={inner}
              value={item[inner.name]}
              errors={errors}
              path={`${path}/${index}/${inner.name}`}
              onChange={(text) =>
                onChange(
                  items.map((one, at) =>
                    at === index && typeof text === "string" ? { ...one, [inner.name]: text } : one,
                  ),
                )
              }
            />
          ))}
          <Button small look="quiet" icon="bin" onClick={() => onChange(items.filter((_, at) => at !== index))}>
            Remove
          </Button>
        </div>
      ))}
      {items.length < most ? (
        <Button small icon="plus" onClick={() => onChange([...items, {}])}>
          Add
        </Button>
      ) : null}
    </fieldset>
  );
}

/** What is wrong with the settings before anybody is asked, by path. */
export function settingComplaints(
  settings: readonly ProviderSetting[],
  entered: EnteredSettings,
): Record<string, string> {
  const found: Record<string, string> = {};
  const look = (setting: ProviderSetting, value: Entered | undefined, path: string) => {
    if (Array.isArray(value))
      value.forEach((item, index) => {
        for (const inner of setting.items ?? []) look(inner, item[inner.name], `${path}/${index}/${inner.name}`);
      });
    else {
      const complaint = complaintOf(setting, (value ?? "").trim());
      if (complaint !== null) found[path] = complaint;
    }
  };
  for (const setting of settings) look(setting, entered[setting.name], setting.name);
  return found;
}

function complaintOf(
  { label, kind, required, pattern, min, max, example }: ProviderSetting,
  text: string,
): string | null {
  if (text === "") return required ? `${label} is needed.` : null;
  if (kind === "decimal" && !/^\d+(?:\.\d+)?$/.test(text)) return `Write a number with a point, like ${example}.`;
  if (kind === "integer") {
    if (!/^\d+$/.test(text)) return `Write a whole number, like ${example}.`;
    if (min !== null && Number(text) < min) return `It must be at least ${min}.`;
    if (max !== null && Number(text) > max) return `It must be at most ${max}.`;
  }
  if (pattern !== null && !fits(pattern, text))
    return `This does not have the expected shape. It looks like ${example}`;
  return null;
}

/** The settings as the service takes them; what was left empty is left out. */
export function settingValues(settings: readonly ProviderSetting[], entered: EnteredSettings): Record<string, unknown> {
  return Object.fromEntries(
    settings.flatMap((setting): Array<[string, unknown]> => {
      const value = entered[setting.name];
      if (Array.isArray(value)) {
        const items = value.map((item) => settingValues(setting.items ?? [], item));
        return items.length > 0 ? [[setting.name, items]] : [];
      }
      const text = (value ?? "").trim();
      return text === "" ? [] : [[setting.name, typed(setting.kind, text)]];
    }),
  );
}

function typed(kind: string, text: string): string | number | boolean {
  return kind === "integer" ? Number(text) : kind === "boolean" ? text === "true" : text;
}

/** Stored settings as they are edited. */
export function enteredOf(
  settings: readonly ProviderSetting[],
  metadata: Readonly<Record<string, unknown>>,
): Record<string, Entered> {
  return Object.fromEntries(
    settings.flatMap(({ name, items }): Array<[string, Entered]> => {
      const value = metadata[name];
      if (value === undefined || value === null) return [];
      if (!Array.isArray(value)) return [[name, String(value)]];
      const elements = value.map((one: unknown) =>
        Object.fromEntries(
          (items ?? []).flatMap((inner) => {
            const found =
              typeof one === "object" && one !== null
                ? Object.entries(one).find(([key]) => key === inner.name)
                : undefined;
            return found === undefined ? [] : [[inner.name, String(found[1])] as const];
          }),
        ),
      );
      return [[name, elements]];
    }),
  );
}
