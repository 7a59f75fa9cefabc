// Text that others wrote made fit to be shown: nothing that would steer a terminal. Knows no terminal.

/** Control characters but tab and line feed: an escape sequence could move the cursor or change the window's title. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const STEERING = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const STEERING_BUT_COLOR = /(\u001B\[[0-9;]*m)|[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g;

/** The text without control characters but tabs and line ends. */
export const withoutControls = (text: string): string => text.replaceAll(STEERING, "");

/** As `withoutControls`, but codes of colours and weights stay: for lines of our own with text of others in them. */
export const withColorsOnly = (text: string): string => text.replaceAll(STEERING_BUT_COLOR, "$1");

/** The text in one line, without control characters. */
export const oneLine = (text: string): string => withoutControls(text.replaceAll(/\s*[\r\n]\s*/g, " "));

/** At most so many characters of a text, its blanks made single spaces; `…` says that there is more. */
export function clipped(text: string, characters: number): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  const all = [...line];
  return all.length > characters ? `${all.slice(0, characters).join("")}…` : line;
}

/** A value as one line of JSON, in which all control characters are escaped. */
export const jsonLine = (value: unknown): string =>
  `${JSON.stringify(value).replaceAll(/[\u007F-\u009F]/g, escapeCharacter)}\n`;

const escapeCharacter = (control: string) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`;
