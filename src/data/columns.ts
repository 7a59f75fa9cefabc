// What the columns of a row mean, by the names that data sets for TRL and on Hugging Face have, or those a person says:
// examples to imitate, texts, questions with answers, preferences. Knows no format and no tokenizer.
import { DataError } from "../errors.js";
import type { ChatMessage } from "../tokenizer/chat-template.js";
import { kindOf, type PlacedRow, type Row, shown } from "./row.js";

/** Names of columns, where they are not the usual ones. */
export interface Columns {
  readonly promptColumn?: string | null;
  readonly completionColumn?: string | null;
  readonly messagesColumn?: string | null;
  readonly textColumn?: string | null;
}

/** What a row has to imitate: a completion of a prompt, the last turn of a conversation, or a whole text. */
export type Example =
  | { readonly kind: "pair"; readonly prompt: string; readonly completion: string }
  | { readonly kind: "conversation"; readonly messages: readonly ChatMessage[] }
  | { readonly kind: "text"; readonly text: string };

/** A prompt with a better and a worse answer. */
export interface Preference {
  readonly prompt: string | readonly ChatMessage[];
  readonly chosen: string | readonly ChatMessage[];
  readonly rejected: string | readonly ChatMessage[];
}

/** An answer to a prompt that is judged by itself: good or safe, or not. */
export interface LabelledAnswer {
  readonly prompt: string | readonly ChatMessage[];
  readonly completion: string | readonly ChatMessage[];
  readonly label: boolean;
}

const PROMPTS = ["prompt", "question"];
const COMPLETIONS = ["completion", "answer"];

/**
 * The example of a row: its messages, else its prompt and completion (texts, or messages), else its text; the text
 * first where its column is named. A column that holds nothing counts as absent. Throws DataError naming the row.
 */
export function exampleOf(placed: PlacedRow, columns: Columns = {}): Example {
  const wanted = columns.textColumn && columnOf(placed, columns.textColumn, []);
  if (wanted) return { kind: "text", text: textIn(wanted, placed.where) };
  const messages = columnOf(placed, columns.messagesColumn, ["messages"]);
  if (messages) return { kind: "conversation", messages: messagesOf(messages, placed.where) };
  const prompt = columnOf(placed, columns.promptColumn, PROMPTS);
  const completion = columnOf(placed, columns.completionColumn, COMPLETIONS);
  if (prompt && completion) return pairOf(prompt, completion, placed.where);
  const text = columnOf(placed, null, ["text"]);
  if (text && !prompt && !completion) return { kind: "text", text: textIn(text, placed.where) };
  throw lacking(placed, "messages, or prompt and completion, or text");
}

/** The document of a row. Throws DataError naming row and column. */
export function documentOf(placed: PlacedRow, { textColumn }: Pick<Columns, "textColumn"> = {}): string {
  const found = columnOf(placed, textColumn, ["text"]);
  if (found) return textIn(found, placed.where);
  throw lacking(placed, `a column ${JSON.stringify(textColumn ?? "text")} with text`);
}

/** Where a question and its answer stand. */
export interface QuestionColumns {
  readonly promptColumn?: string | null;
  readonly answerColumn?: string | null;
  /** Whether a row may have a question alone; default false. */
  readonly withoutAnswer?: boolean;
}

/**
 * The question and the answer of a row, null where it may and does lack one. A question may be a list with one user's
 * message. Of an answer that ends in a line `#### 72`, as in GSM8K, 72 is the answer. Throws DataError naming row and
 * column.
 */
export function questionOf(
  placed: PlacedRow,
  columns: QuestionColumns = {},
): { readonly question: string; readonly answer: string | null } {
  const { where } = placed;
  const prompt = columnOf(placed, columns.promptColumn, PROMPTS);
  const answer = columnOf(placed, columns.answerColumn, ["answer"]);
  if (!prompt) throw lacking(placed, `a column ${named(columns.promptColumn, PROMPTS)} with the question`);
  if (!answer && columns.withoutAnswer) return { question: questionText(prompt, where), answer: null };
  if (!answer) throw lacking(placed, `a column ${named(columns.answerColumn, ["answer"])} with the answer`);
  const text = textIn(answer, where);
  return { question: questionText(prompt, where), answer: /\n#### *(.+)\s*$/.exec(text)?.[1].trim() ?? text };
}

/**
 * The preference of a row: `prompt`, `chosen` and `rejected`, texts or messages. Where there is no prompt, it is the
 * beginning that both conversations share, as in TRL. Throws DataError naming row and column, also for equal answers.
 */
export function preferenceOf(placed: PlacedRow): Preference {
  const { where } = placed;
  const [chosen, rejected] = ["chosen", "rejected"].map((name) => {
    const found = columnOf(placed, null, [name]);
    if (!found) throw lacking(placed, `a column "${name}"`);
    return textOrMessages(found, where);
  });
  if (typeof chosen !== typeof rejected)
    throw new DataError(`${where}: expected chosen and rejected to be both texts or both messages`);
  if (JSON.stringify(chosen) === JSON.stringify(rejected))
    throw new DataError(`${where}: chosen and rejected are equal, so there is nothing to prefer; remove the row`);
  const prompt = columnOf(placed, null, ["prompt"]);
  if (prompt) return { prompt: textOrMessages(prompt, where), chosen, rejected };
  if (typeof chosen === "string") throw lacking(placed, 'a column "prompt", since chosen and rejected are texts');
  return withSharedPrompt(chosen, rejected as readonly ChatMessage[], where);
}

/** Whether a row is meant as a pair of answers rather than as an answer with a label. */
export const isPair = ({ row }: PlacedRow): boolean => Object.hasOwn(row, "chosen") || Object.hasOwn(row, "rejected");

/**
 * The labelled answer of a row: `prompt`, `completion` or `response`, and `label` or `safe` (true or 1, false or 0).
 * Throws DataError naming row and column.
 */
export function labelledAnswerOf(placed: PlacedRow): LabelledAnswer {
  const { where } = placed;
  const [prompt, completion, label] = [["prompt"], ["completion", "response"], ["label", "safe"]].map((names) => {
    const found = columnOf(placed, null, names);
    if (!found) throw lacking(placed, `a column ${named(null, names)}`);
    return found;
  });
  return {
    prompt: textOrMessages(prompt, where),
    completion: textOrMessages(completion, where),
    label: truthOf(label, where),
  };
}

function truthOf({ name, value }: Column, where: string): boolean {
  if (value === true || value === 1 || value === "1" || value === "true") return true;
  if (value === false || value === 0 || value === "0" || value === "false") return false;
  throw new DataError(`${where}: column "${name}" must be true or false, or 1 or 0, got ${shown(value)}`);
}

function withSharedPrompt(chosen: readonly ChatMessage[], rejected: readonly ChatMessage[], where: string): Preference {
  const differs = chosen.findIndex((message, i) => JSON.stringify(message) !== JSON.stringify(rejected[i]));
  const shared = differs < 0 ? chosen.length : differs;
  if (shared === 0) throw new DataError(`${where}: chosen and rejected share no first message to be the prompt`);
  return { prompt: chosen.slice(0, shared), chosen: chosen.slice(shared), rejected: rejected.slice(shared) };
}

/** The text in a column, a number written out. Throws DataError naming the row, and the columns there are. */
export const textOf = (placed: PlacedRow, name: string): string => textIn(requiredColumn(placed, [name]), placed.where);

/** The list in the first of some columns that is there, as it is or as JSON. Throws as `textOf`. */
export function listOf(placed: PlacedRow, ...names: readonly string[]): unknown[] {
  const { name, value } = requiredColumn(placed, names);
  const list = typeof value === "string" ? jsonIn(value) : value;
  if (Array.isArray(list)) return list;
  throw new DataError(`${placed.where}: column "${name}" must be a list, got ${kindOf(list)}: ${shown(value)}`);
}

/** What a column holds, whatever it is. Throws as `textOf`. */
export const columnValue = (placed: PlacedRow, name: string): unknown => requiredColumn(placed, [name]).value;

function requiredColumn(placed: PlacedRow, names: readonly string[]): Column {
  const found = columnOf(placed, null, names);
  if (found) return found;
  throw lacking(placed, `a column ${named(null, names)}`);
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A column that is there. */
interface Column {
  readonly name: string;
  readonly value: unknown;
}

/** The column of that name, else the first of the usual ones that holds something. */
function columnOf(
  { row, where }: PlacedRow,
  name: string | null | undefined,
  usual: readonly string[],
): Column | undefined {
  const found = (name ? [name] : usual).find((each) => Object.hasOwn(row, each) && row[each] !== null);
  if (found !== undefined) return { name: found, value: row[found] };
  if (name && !Object.hasOwn(row, name)) throw lacking({ row, where }, `a column ${JSON.stringify(name)}`);
  return undefined;
}

const named = (name: string | null | undefined, usual: readonly string[]): string =>
  (name ? [name] : usual).map((each) => JSON.stringify(each)).join(" or ");

const lacking = ({ row, where }: PlacedRow, expected: string): DataError =>
  new DataError(`${where}: expected ${expected}; the row has: ${columnsOf(row) || "no columns"}`);

const columnsOf = (row: Row): string =>
  Object.entries(row)
    .map(([name, value]) => (value === null ? `${name} (empty)` : name))
    .join(", ");

/** A text that is not empty; a number is written out. */
function textIn({ name, value }: Column, where: string): string {
  if (typeof value === "string" && value.trim() !== "") return value;
  if (typeof value === "number" || typeof value === "boolean") return `${value}`;
  const got = typeof value === "string" ? "an empty text" : `${kindOf(value)}: ${shown(value)}`;
  throw new DataError(`${where}: column "${name}" must be a text or a number, got ${got}`);
}

function pairOf(prompt: Column, completion: Column, where: string): Example {
  const before = prompt.value === "" ? "" : textOrMessages(prompt, where);
  const after = textOrMessages(completion, where);
  if (typeof before === "string" && typeof after === "string")
    return { kind: "pair", prompt: before, completion: after };
  if (typeof before !== "string" && typeof after !== "string")
    return { kind: "conversation", messages: [...before, ...after] };
  throw new DataError(
    `${where}: expected columns "${prompt.name}" and "${completion.name}" to be both texts or both messages, got ` +
      `${kindOf(prompt.value)} and ${kindOf(completion.value)}`,
  );
}

const textOrMessages = (column: Column, where: string): string | ChatMessage[] =>
  Array.isArray(column.value) ? messagesOf(column, where) : textIn(column, where);

function questionText(prompt: Column, where: string): string {
  if (!Array.isArray(prompt.value)) return textIn(prompt, where);
  const messages = messagesOf(prompt, where);
  if (messages.length === 1 && messages[0].role === "user" && messages[0].content) return messages[0].content;
  throw new DataError(
    `${where}: column "${prompt.name}" must be a text or a list with one user's message, got ${messages.length} ` +
      `messages (${messages.map(({ role }) => role).join(", ")})`,
  );
}

/** A list of messages, as it is or, from formats without lists, as JSON. */
function messagesOf({ name, value }: Column, where: string): ChatMessage[] {
  const list = typeof value === "string" ? parsedList(value, name, where) : value;
  if (!Array.isArray(list) || list.length === 0) {
    const got = Array.isArray(list) ? "an empty one" : `${kindOf(list)}: ${shown(list)}`;
    throw new DataError(`${where}: column "${name}" must be a list of messages, got ${got}`);
  }
  return list.map((message) => messageOf(message, name, where));
}

function parsedList(text: string, name: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DataError(`${where}: column "${name}" must be a list of messages, got the text ${shown(text)}`, {
      cause: error,
    });
  }
}

function messageOf(value: unknown, name: string, where: string): ChatMessage {
  const { role, content } = (value ?? {}) as Record<string, unknown>;
  if (typeof role === "string" && typeof content === "string") return { role, content };
  throw new DataError(
    `${where}: column "${name}": every message needs a role and a content, both texts, got ${shown(value)}`,
  );
}
