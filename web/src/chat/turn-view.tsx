// A message or an answer with what can be done with it.
import { memo } from "preact/compat";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Markdown } from "../markdown/markdown.tsx";
import { CopyButton } from "../page/copy-button.tsx";
import { IconButton } from "../page/icon-button.tsx";
import { useNumbers, useWords } from "../words/index.ts";
import type { Chat } from "./chat.ts";
import { useGrowing } from "./composer.tsx";
import type { Turn } from "./conversation.ts";
import { ThoughtView } from "./thought-view.tsx";

interface Props {
  readonly chat: Chat;
  readonly side: number;
  readonly turn: Turn;
  /** Turns in the same place, itself included. */
  readonly branches: readonly Turn[];
  readonly isLast: boolean;
  /** Whether an answer is being written on this side. */
  readonly isBusy: boolean;
}

/** Drawn anew only when something of it has changed. */
export const TurnView = memo(
  function TurnView(props: Props) {
    return props.turn.role === "user" ? <UserTurn {...props} /> : <AssistantTurn {...props} />;
  },
  (before, after) =>
    before.turn === after.turn &&
    before.isLast === after.isLast &&
    before.isBusy === after.isBusy &&
    before.branches.length === after.branches.length,
);

function UserTurn(props: Props) {
  const { chat: words } = useWords();
  const { chat, side, turn, isBusy } = props;
  const [isEdited, setEdited] = useState(false);
  if (isEdited)
    return (
      <article class="turn user edited">
        <Editor
          text={turn.text}
          onCancel={() => setEdited(false)}
          onSend={(text) => {
            setEdited(false);
            chat.edit(side, turn, text);
          }}
        />
      </article>
    );
  return (
    <article class="turn user">
      <h2 class="unseen">{words.you}</h2>
      <p class="said">{turn.text}</p>
      <div class="turn-foot">
        <Branches {...props} />
        <IconButton class="edit" icon="edit" label={words.edit} disabled={isBusy} onClick={() => setEdited(true)} />
        <CopyButton text={() => turn.text} />
      </div>
    </article>
  );
}

interface EditorProps {
  readonly text: string;
  readonly onCancel: () => void;
  readonly onSend: (text: string) => void;
}

function Editor({ text: given, onCancel, onSend }: EditorProps) {
  const { chat: words } = useWords();
  const [text, setText] = useState(given);
  const field = useRef<HTMLTextAreaElement>(null);
  useGrowing(field, text);
  // Before it is seen: keys that follow are meant for it.
  useLayoutEffect(() => field.current?.focus(), []);
  return (
    <form
      class="editor"
      onSubmit={(event) => {
        event.preventDefault();
        onSend(text.trim());
      }}
    >
      <textarea
        ref={field}
        aria-label={words.edit}
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") {
            event.stopPropagation();
            onCancel();
          }
          if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
            event.preventDefault();
            onSend(text.trim());
          }
        }}
      />
      <div class="buttons">
        <button type="button" class="button" onClick={onCancel}>
          {words.cancel}
        </button>
        <button type="submit" class="button solid" disabled={text.trim() === ""}>
          {words.sendEdited}
        </button>
      </div>
    </form>
  );
}

function AssistantTurn(props: Props) {
  const { chat: words } = useWords();
  const { chat, side, turn, isLast, isBusy } = props;
  const isWritten = turn.ending === undefined;
  const isWaiting = isWritten && turn.text === "" && !turn.thought;
  return (
    <article class="turn assistant" aria-busy={isWritten}>
      <h2 class="unseen">{turn.model ?? words.assistant}</h2>
      {turn.thought && <ThoughtView turn={turn} isOver={!isWritten || turn.text !== ""} />}
      {isWaiting && <p class="waiting">{words.waiting}</p>}
      <Markdown text={turn.isJson ? asCode(turn.text) : turn.text} isWhole={!isWritten} />
      <Ending turn={turn} />
      {!isWaiting && (
        <div class="turn-foot">
          {!isWritten && <Branches {...props} />}
          {!isWritten && <CopyButton text={() => turn.text} />}
          {!isWritten && isLast && (
            <IconButton
              icon="again"
              label={words.regenerate}
              disabled={isBusy}
              onClick={() => chat.regenerate(side, turn)}
            />
          )}
          <FiguresLine turn={turn} />
        </div>
      )}
    </article>
  );
}

/** JSON as a piece of code, set out as soon as it is complete. */
function asCode(text: string): string {
  let shown = text;
  try {
    shown = JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // not complete yet
  }
  return text.trim() === "" ? "" : `~~~~~~json\n${shown}\n~~~~~~`;
}

function Ending({ turn: { ending, error } }: { readonly turn: Turn }) {
  const { chat: words, failed } = useWords();
  if (ending === "failed")
    return (
      <p class="ending wrong" role="alert">
        {error ?? failed.unreachable}
      </p>
    );
  return ending === undefined || ending === "stop" ? null : <p class="ending">{words.endings[ending]}</p>;
}

/** Of an answer whose pace is told. */
const SHORTEST_SECONDS = 0.05;

function FiguresLine({ turn: { model, figures = {} } }: { readonly turn: Turn }) {
  const { chat: words } = useWords();
  const { whole, number, duration } = useNumbers();
  const { tokens, waitSeconds = 0, seconds = 0 } = figures;
  // What came in one go tells nothing of the pace.
  const rate = tokens !== undefined && seconds >= SHORTEST_SECONDS ? (tokens - 1) / seconds : undefined;
  const parts = [
    model,
    tokens !== undefined && words.tokens(tokens, whole),
    rate !== undefined && words.perSecond(number(rate, rate < 10 ? 1 : 0)),
    tokens !== undefined && duration(waitSeconds + seconds),
    figures.cachedTokens ? words.cached(whole(figures.cachedTokens)) : false,
  ].filter(Boolean);
  return <span class="figures">{parts.join(" · ")}</span>;
}

function Branches({ chat, side, turn, branches, isBusy }: Props) {
  const { chat: words } = useWords();
  if (branches.length < 2) return null;
  const place = branches.findIndex(({ id }) => id === turn.id);
  return (
    <span class="branches">
      <IconButton
        icon="left"
        label={words.previous}
        disabled={isBusy || place === 0}
        onClick={() => chat.showBranch(side, turn, -1)}
      />
      <span>{words.branch(place + 1, branches.length)}</span>
      <IconButton
        icon="right"
        label={words.next}
        disabled={isBusy || place === branches.length - 1}
        onClick={() => chat.showBranch(side, turn, 1)}
      />
    </span>
  );
}
