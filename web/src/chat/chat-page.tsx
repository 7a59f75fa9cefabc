// The chat: conversations on the left, the one that is open, and the field to write in.
import "../styles/chat.css";
import "../styles/markdown.css";
import { useEffect, useRef, useState } from "preact/hooks";
import { Failure } from "../page/failure.tsx";
import { IconButton } from "../page/icon-button.tsx";
import { useStore } from "../page/store.ts";
import { useWords } from "../words/index.ts";
import { Chat } from "./chat.ts";
import { ChatHead } from "./chat-head.tsx";
import { Composer, type ComposerHandle } from "./composer.tsx";
import { ConversationList } from "./conversation-list.tsx";
import { SettingsDialog } from "./settings-dialog.tsx";
import { useShortcuts } from "./shortcuts.ts";
import { ShortcutsDialog } from "./shortcuts-dialog.tsx";
import { SideView } from "./side-view.tsx";

/** One chat for as long as the page lives: it goes on while another page is shown. */
let opening: Promise<Chat> | undefined;

/** Asks the server for its models, then shows the chat. */
export function ChatPage() {
  const [chat, setChat] = useState<Chat>();
  const [error, setError] = useState<Error>();
  const open = () => {
    setError(undefined);
    opening ??= Chat.open();
    opening.then(setChat, (reason: Error) => {
      opening = undefined;
      setError(reason);
    });
  };
  useEffect(open, []);
  if (error) return <Failure error={error} onRetry={open} />;
  return chat ? <OpenChat chat={chat} /> : null;
}

function OpenChat({ chat }: { readonly chat: Chat }) {
  const words = useWords();
  const { current, writing } = useStore(chat.state);
  const composer = useRef<ComposerHandle>(null);
  const [shows, setShows] = useState<"settings" | "shortcuts" | "conversations">();
  const hide = () => setShows(undefined);
  useShortcuts(chat, {
    focusInput: () => composer.current?.focus(),
    showSettings: () => setShows("settings"),
    showShortcuts: () => setShows("shortcuts"),
  });
  const [isLive, setLive] = useState("");
  const wasWriting = useRef(false);
  useEffect(() => {
    if (wasWriting.current && writing.size === 0) setLive(words.chat.finished);
    if (writing.size > 0) setLive("");
    wasWriting.current = writing.size > 0;
  }, [writing.size, words]);
  return (
    <div class={`chat ${shows === "conversations" ? "shows-conversations" : ""}`}>
      <ConversationList
        chat={chat}
        onChosen={() => {
          hide();
          composer.current?.focus();
        }}
        onHide={hide}
      />
      <section class="chat-main">
        <h1 class="unseen">{words.chat.title}</h1>
        <ChatHead chat={chat} onSettings={() => setShows("settings")} onShortcuts={() => setShows("shortcuts")}>
          <IconButton
            class="only-narrow"
            icon="menu"
            label={words.chat.showConversations}
            expanded={shows === "conversations"}
            onClick={() => setShows("conversations")}
          />
        </ChatHead>
        <div class={`sides sides-${current.sides.length}`}>
          {current.sides.map((_, i) => (
            <SideView key={`${current.id} ${i}`} chat={chat} side={i} />
          ))}
        </div>
        <Composer chat={chat} ref={composer} />
      </section>
      {shows === "settings" && <SettingsDialog chat={chat} onClose={hide} />}
      {shows === "shortcuts" && <ShortcutsDialog onClose={hide} />}
      <p class="unseen" role="status">
        {isLive}
      </p>
    </div>
  );
}
