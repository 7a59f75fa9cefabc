// What keys do in the chat, wherever one is.
import { useEffect } from "preact/hooks";
import { copyText } from "../page/copy-button.tsx";
import type { Chat } from "./chat.ts";
import { shownTurns } from "./conversation.ts";

/** What keys can do on the page. */
export interface ShortcutActions {
  focusInput(): void;
  showSettings(): void;
  showShortcuts(): void;
}

/** Listens to keys as long as the chat is shown. */
export function useShortcuts(chat: Chat, actions: ShortcutActions): void {
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (document.querySelector("dialog[open]")) return;
      const action = event.altKey ? withAlt(event, chat, actions) : plain(event, chat, actions);
      if (!action) return;
      event.preventDefault();
      action();
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  });
}

/** By the key's place. With Alt, some systems write other signs: who writes in a field means those. */
function withAlt(event: KeyboardEvent, chat: Chat, actions: ShortcutActions): (() => void) | undefined {
  const { showSettings, focusInput } = actions;
  const writesSign = event.ctrlKey || !/^[a-z,]$/i.test(event.key);
  if (writesSign && isTyping(event.target)) return undefined;
  switch (event.code) {
    case "KeyN":
      return () => {
        chat.create();
        focusInput();
      };
    case "KeyR":
      return () => chat.regenerateLast();
    case "KeyC":
      return () => void copyText(lastAnswer(chat));
    case "Comma":
      return showSettings;
    default:
      return undefined;
  }
}

function plain(event: KeyboardEvent, chat: Chat, { focusInput, showShortcuts }: ShortcutActions) {
  if (event.key === "Escape" && chat.isWriting) return () => chat.stop();
  if (event.ctrlKey || event.metaKey || isTyping(event.target)) return undefined;
  if (event.key === "/") return focusInput;
  return event.key === "?" ? showShortcuts : undefined;
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.matches("input, textarea, select");

const lastAnswer = (chat: Chat): string =>
  shownTurns(chat.state.value.current.sides[0].tree).findLast(({ role }) => role === "assistant")?.text ?? "";
