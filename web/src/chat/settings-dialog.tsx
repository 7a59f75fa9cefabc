// How the answers of a conversation are made: system prompt, thinking, sampling, and the JSON schema of answers.
import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { Dialog } from "../page/dialog.tsx";
import { useStore } from "../page/store.ts";
import type { Words } from "../words/en.ts";
import { useWords } from "../words/index.ts";
import type { Chat } from "./chat.ts";
import { type ChatSettings, PLAIN_SETTINGS } from "./conversation.ts";

type NumberName = {
  [K in keyof ChatSettings]-?: ChatSettings[K] extends number | undefined ? K : never;
}[keyof ChatSettings];

interface NumberField {
  readonly name: NumberName;
  readonly label: Exclude<keyof Words["settings"], "thinkingChoices" | "schemaWrong" | "outOfRange">;
  readonly min: number;
  readonly max: number;
  readonly step: number | "any";
  /** What holds where nothing is given. */
  readonly without: "default" | "random" | "unlimited";
}

const MOST = Number.MAX_SAFE_INTEGER;
const NUMBERS: readonly NumberField[] = [
  { name: "temperature", label: "temperature", min: 0, max: 2, step: "any", without: "default" },
  { name: "topP", label: "topP", min: 0, max: 1, step: "any", without: "default" },
  { name: "topK", label: "topK", min: 0, max: MOST, step: 1, without: "default" },
  { name: "minP", label: "minP", min: 0, max: 1, step: "any", without: "default" },
  { name: "repetitionPenalty", label: "repetition", min: 0.01, max: 2, step: "any", without: "default" },
  { name: "maxTokens", label: "maxTokens", min: 1, max: MOST, step: 1, without: "unlimited" },
  { name: "thinkingBudget", label: "budget", min: 0, max: MOST, step: 1, without: "unlimited" },
  { name: "seed", label: "seed", min: 0, max: MOST, step: 1, without: "random" },
];

/** Draws the settings. What is not valid stays in its field and changes nothing. */
export function SettingsDialog({ chat, onClose }: { readonly chat: Chat; readonly onClose: () => void }) {
  const { settings: words } = useWords();
  const { settings } = useStore(chat.state).current;
  const change = (part: Partial<ChatSettings>) => chat.setSettings({ ...settings, ...part });
  const [version, setVersion] = useState(0);
  return (
    <Dialog title={words.title} class="drawer" onClose={onClose}>
      <div class="fields" key={version}>
        <Field label={words.system}>
          {(id) => (
            <textarea
              id={id}
              rows={4}
              value={settings.system}
              onInput={({ currentTarget }) => change({ system: currentTarget.value })}
            />
          )}
        </Field>
        <Field label={words.thinking}>
          {(id) => (
            <select
              id={id}
              value={settings.thinking}
              onChange={({ currentTarget }) => change({ thinking: currentTarget.value as ChatSettings["thinking"] })}
            >
              {(["auto", "on", "off"] as const).map((choice) => (
                <option key={choice} value={choice}>
                  {words.thinkingChoices[choice]}
                </option>
              ))}
            </select>
          )}
        </Field>
        <div class="numbers">
          {NUMBERS.map((field) => (
            <NumberInput
              key={field.name}
              field={field}
              value={settings[field.name]}
              onValue={(value) => change({ [field.name]: value })}
            />
          ))}
        </div>
        <SchemaInput value={settings.schema} onValue={(schema) => change({ schema })} />
      </div>
      <div class="buttons">
        <button
          type="button"
          class="button"
          onClick={() => {
            chat.setSettings(PLAIN_SETTINGS);
            setVersion(version + 1);
          }}
        >
          {words.reset}
        </button>
        <button type="button" class="button solid" onClick={(event) => event.currentTarget.closest("dialog")?.close()}>
          {words.done}
        </button>
      </div>
    </Dialog>
  );
}

interface FieldProps {
  readonly label: string;
  readonly note?: string;
  readonly error?: string;
  readonly children: (id: string, described: string | undefined) => ComponentChildren;
}

function Field({ label, note, error, children }: FieldProps) {
  const id = useId();
  const described = note || error ? `${id}-note` : undefined;
  return (
    <div class={`field ${error ? "wrong" : ""}`}>
      <label for={id}>{label}</label>
      {children(id, described)}
      {described && (
        <small id={described} role={error ? "alert" : undefined}>
          {error ?? note}
        </small>
      )}
    </div>
  );
}

interface NumberInputProps {
  readonly field: NumberField;
  readonly value: number | undefined;
  readonly onValue: (value: number | undefined) => void;
}

function NumberInput({ field, value, onValue }: NumberInputProps) {
  const { settings: words } = useWords();
  const { label, min, max, step, without } = field;
  const [text, setText] = useState(value === undefined ? "" : String(value));
  const isValid = (given: string) => {
    const number = Number(given);
    return given.trim() === "" || (number >= min && number <= max && (step === "any" || Number.isInteger(number)));
  };
  const take = (given: string) => {
    setText(given);
    if (isValid(given)) onValue(given.trim() === "" ? undefined : Number(given));
  };
  return (
    <Field
      label={words[label] as string}
      error={isValid(text) ? undefined : words.outOfRange(min, max === MOST ? 2 ** 31 : max)}
    >
      {(id, described) => (
        <input
          id={id}
          inputMode="decimal"
          autoComplete="off"
          placeholder={words[without]}
          aria-describedby={described}
          aria-invalid={!isValid(text)}
          value={text}
          onInput={({ currentTarget }) => take(currentTarget.value)}
        />
      )}
    </Field>
  );
}

function SchemaInput({ value, onValue }: { readonly value: string; readonly onValue: (value: string) => void }) {
  const { settings: words } = useWords();
  const [text, setText] = useState(value);
  const problem = schemaProblem(text, words.schemaObject);
  const take = (given: string) => {
    setText(given);
    if (schemaProblem(given, "") === undefined) onValue(given);
  };
  return (
    <Field label={words.schema} note={words.schemaNote} error={problem && words.schemaWrong(problem)}>
      {(id, described) => (
        <textarea
          id={id}
          class="mono"
          rows={6}
          spellcheck={false}
          placeholder={'{ "type": "object", … }'}
          aria-describedby={described}
          aria-invalid={problem !== undefined}
          value={text}
          onInput={({ currentTarget }) => take(currentTarget.value)}
        />
      )}
    </Field>
  );
}

/** Why a text is no schema; undefined where it is one, or empty. What it means, the server checks. */
function schemaProblem(text: string, expected: string): string | undefined {
  if (text.trim() === "") return undefined;
  try {
    const schema: unknown = JSON.parse(text);
    return typeof schema === "object" && schema !== null && !Array.isArray(schema) ? undefined : expected;
  } catch (error) {
    return (error as Error).message;
  }
}
