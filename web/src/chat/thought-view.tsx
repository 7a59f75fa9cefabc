// The thought before an answer: folded, with its time and its tokens, and opened at will.
import { useState } from "preact/hooks";
import { Markdown } from "../markdown/markdown.tsx";
import { Icon } from "../page/icon.tsx";
import { useNumbers, useWords } from "../words/index.ts";
import type { Turn } from "./conversation.ts";

/** Draws the line, and the thought where it is open. `isOver`: the answer has begun, or all has ended. */
export function ThoughtView({ turn, isOver }: { readonly turn: Turn; readonly isOver: boolean }) {
  const { chat: words } = useWords();
  const { whole, duration } = useNumbers();
  const [isOpen, setOpen] = useState(false);
  const { thoughtSeconds = 0, thoughtTokens = 0 } = turn.figures ?? {};
  const place = `thought-${turn.id}`;
  return (
    <div class={`thought ${isOver ? "over" : ""}`}>
      <button
        type="button"
        class="thought-head"
        aria-expanded={isOpen}
        aria-controls={place}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name={isOpen ? "down" : "right"} />
        <span class="thought-name">{isOver ? words.thought : words.thinking}</span>
        <span class="thought-figures">
          {duration(thoughtSeconds)} · {words.tokens(thoughtTokens, whole)}
        </span>
      </button>
      <div id={place} class="thought-text" hidden={!isOpen}>
        {isOpen && <Markdown text={turn.thought ?? ""} isWhole={isOver} />}
      </div>
    </div>
  );
}
