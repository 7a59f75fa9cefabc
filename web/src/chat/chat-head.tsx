// The line above a conversation: its models, and what can be done with it as a whole.
import type { ComponentChildren } from "preact";
import { IconButton } from "../page/icon-button.tsx";
import { useStore } from "../page/store.ts";
import { useWords } from "../words/index.ts";
import type { Chat } from "./chat.ts";
import { shownTurns } from "./conversation.ts";
import { asJson, asMarkdown, download, fileName } from "./export.ts";

interface Props {
  readonly chat: Chat;
  readonly onSettings: () => void;
  readonly onShortcuts: () => void;
  readonly children: ComponentChildren;
}

/** Draws the line; `children` stand at its beginning. */
export function ChatHead({ chat, onSettings, onShortcuts, children }: Props) {
  const { chat: words } = useWords();
  const { current, writing } = useStore(chat.state);
  const isEmpty = current.sides.every(({ tree }) => shownTurns(tree).length === 0);
  const isCompared = current.sides.length > 1;
  return (
    <div class="chat-head">
      {children}
      <div class="models">
        {current.sides.map((_, i) => (
          <ModelChooser key={i} chat={chat} side={i} />
        ))}
      </div>
      <IconButton
        icon="compare"
        label={isCompared ? words.compareEnd : words.compare}
        pressed={isCompared}
        disabled={writing.size > 0}
        onClick={() => chat.toggleComparison()}
      />
      <span class="spacer" />
      <IconButton
        class="only-wide"
        icon="download"
        label={words.exportMarkdown}
        disabled={isEmpty}
        onClick={() => download(fileName(current, "md"), asMarkdown(current), "text/markdown")}
      />
      <button
        type="button"
        class="text-button only-wide"
        disabled={isEmpty}
        title={words.exportJson}
        aria-label={words.exportJson}
        onClick={() => download(fileName(current, "json"), asJson(current), "application/json")}
      >
        JSON
      </button>
      <IconButton class="only-wide" icon="keyboard" label={words.shortcuts} onClick={onShortcuts} />
      <IconButton icon="settings" label={words.settings} onClick={onSettings} />
    </div>
  );
}

function ModelChooser({ chat, side }: { readonly chat: Chat; readonly side: number }) {
  const { chat: words } = useWords();
  const { models, current } = useStore(chat.state);
  const { model } = current.sides[side];
  // A conversation of former days may name a model that is not served now.
  const names = models.some(({ id }) => id === model)
    ? models.map(({ id }) => id)
    : [model, ...models.map(({ id }) => id)];
  return (
    <select
      class="model"
      aria-label={side === 0 ? words.model : words.secondModel}
      value={model}
      onChange={({ currentTarget }) => chat.setModel(side, currentTarget.value)}
    >
      {names.map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  );
}
