// A conversation as a file: Markdown to read, JSON to read in elsewhere. Knows no page but the download.
import { type Conversation, shownTurns, titleOf } from "./conversation.ts";

/** The branches that are shown, as Markdown; thoughts are quoted. */
export function asMarkdown(conversation: Conversation): string {
  const { settings, sides } = conversation;
  const system = settings.system.trim() ? [`> ${settings.system.trim().replaceAll("\n", "\n> ")}`] : [];
  const parts = sides.flatMap(({ model, tree }) => [
    ...(sides.length > 1 ? [`# ${model}`] : []),
    ...shownTurns(tree).map(({ role, text, thought, model: of }) => {
      if (role === "user") return `## You\n\n${text}`;
      const quoted = thought?.trim() ? `> ${thought.trim().replaceAll("\n", "\n> ")}\n\n` : "";
      return `## ${of ?? model}\n\n${quoted}${text.trim()}`;
    }),
  ]);
  return `${[`# ${titleOf(conversation)}`, ...system, ...parts].join("\n\n")}\n`;
}

/** All branches, as they are kept. */
export const asJson = (conversation: Conversation): string => `${JSON.stringify(conversation, null, 2)}\n`;

/** Hands a text to the browser as a file. */
export function download(name: string, text: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** A file's name from a conversation's title. */
export function fileName(conversation: Conversation, ending: string): string {
  const stem = titleOf(conversation)
    .normalize("NFKD")
    .replaceAll(/[^\w]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 40)
    .toLowerCase();
  return `${stem || "conversation"}.${ending}`;
}
