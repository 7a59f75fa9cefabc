// The conversations that this browser keeps. On a narrow screen the list lies over the page.
import { useState } from "preact/hooks";
import { Icon } from "../page/icon.tsx";
import { IconButton } from "../page/icon-button.tsx";
import { useStore } from "../page/store.ts";
import { useWords } from "../words/index.ts";
import type { Chat } from "./chat.ts";
import { type Conversation, titleOf } from "./conversation.ts";

interface Props {
  readonly chat: Chat;
  readonly onChosen: () => void;
  readonly onHide: () => void;
}

/** Draws the list. */
export function ConversationList({ chat, onChosen, onHide }: Props) {
  const { chat: words } = useWords();
  const { kept, current, isKept } = useStore(chat.state);
  const [removed, setRemoved] = useState<Conversation>();
  return (
    <>
      <button type="button" class="veil" tabIndex={-1} aria-label={words.hideConversations} onClick={onHide} />
      <nav class="conversations" aria-label={words.conversations}>
        <div class="conversations-head">
          <button
            type="button"
            class="button wide"
            onClick={() => {
              chat.create();
              onChosen();
            }}
          >
            <Icon name="plus" />
            {words.create}
          </button>
          <IconButton class="only-narrow" icon="close" label={words.hideConversations} onClick={onHide} />
        </div>
        {kept.length === 0 && <p class="quiet">{words.none}</p>}
        <ul>
          {kept.map((each) => (
            <li key={each.id} class={each.id === current.id ? "current" : ""}>
              <button
                type="button"
                class="title"
                aria-current={each.id === current.id}
                onClick={() => {
                  chat.open(each.id);
                  onChosen();
                }}
              >
                {titleOf(each) || words.untitled}
              </button>
              <IconButton icon="trash" label={words.remove} onClick={() => setRemoved(chat.remove(each.id))} />
            </li>
          ))}
        </ul>
        {removed && (
          <p class="undo" role="status">
            <span>{words.removed}</span>
            <button
              type="button"
              class="text-button"
              onClick={() => {
                chat.restore(removed);
                setRemoved(undefined);
              }}
            >
              {words.undo}
            </button>
          </p>
        )}
        {!isKept && <p class="quiet">{words.notKept}</p>}
      </nav>
    </>
  );
}
