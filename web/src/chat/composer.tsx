// The field in which messages are written.
import { forwardRef, useImperativeHandle } from "preact/compat";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { IconButton } from "../page/icon-button.tsx";
import { useStore } from "../page/store.ts";
import { useWords } from "../words/index.ts";
import type { Chat } from "./chat.ts";

/** What others may do with the field. */
export interface ComposerHandle {
  focus(): void;
}

/** Draws the field with the button that sends, or stops. */
export const Composer = forwardRef<ComposerHandle, { readonly chat: Chat }>(function Composer({ chat }, ref) {
  const { chat: words } = useWords();
  const { writing, current } = useStore(chat.state);
  const [text, setText] = useState("");
  const field = useRef<HTMLTextAreaElement>(null);
  useImperativeHandle(ref, () => ({ focus: () => field.current?.focus() }), []);
  useGrowing(field, text);
  useLayoutEffect(() => {
    if (matchMedia("(pointer: fine)").matches) field.current?.focus();
  }, [current.id]);
  const isWriting = writing.size > 0;
  const send = () => {
    if (isWriting || text.trim() === "") return;
    chat.send(text.trim());
    setText("");
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    }
    if (event.key === "ArrowUp" && text === "" && editLast()) event.preventDefault();
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <textarea
        ref={field}
        rows={1}
        aria-label={words.input}
        placeholder={words.placeholder}
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      {isWriting ? (
        <IconButton class="solid" icon="stop" label={words.stop} onClick={() => chat.stop()} />
      ) : (
        <IconButton class="solid" icon="send" label={words.send} disabled={text.trim() === ""} onClick={send} />
      )}
    </form>
  );
});

/** Opens the editor of the last message that is shown; whether there is one. */
function editLast(): boolean {
  const buttons = document.querySelectorAll<HTMLButtonElement>(".turn.user button.edit");
  const last = buttons[buttons.length - 1];
  last?.click();
  return last !== undefined;
}

/** Keeps a field as high as its text. */
export function useGrowing(field: { readonly current: HTMLTextAreaElement | null }, text: string): void {
  useLayoutEffect(() => {
    const { current } = field;
    if (!current) return;
    current.style.height = "auto";
    current.style.height = `${current.scrollHeight}px`;
  }, [text]);
}
