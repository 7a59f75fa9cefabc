// One model's side of a conversation, which follows its end while an answer is written, unless one has scrolled away.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { IconButton } from "../page/icon-button.tsx";
import { useStore } from "../page/store.ts";
import { useWords } from "../words/index.ts";
import type { Chat } from "./chat.ts";
import { branchesOf, shownTurns } from "./conversation.ts";
import { TurnView } from "./turn-view.tsx";

/** Pixels from the end that still count as at the end. */
const NEAR_END = 40;

/** Draws the turns of a side. */
export function SideView({ chat, side }: { readonly chat: Chat; readonly side: number }) {
  const { chat: words } = useWords();
  const { current, writing } = useStore(chat.state);
  const place = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const [isAway, setAway] = useState(false);
  const { model, tree } = current.sides[side];
  const turns = shownTurns(tree);
  const toEnd = () => {
    follows.current = true;
    setAway(false);
    if (place.current) place.current.scrollTop = place.current.scrollHeight;
  };
  useLayoutEffect(() => {
    if (follows.current && place.current) place.current.scrollTop = place.current.scrollHeight;
  }, [tree]);
  // A new message is worth looking at, wherever one was.
  const numTurns = turns.length;
  useLayoutEffect(toEnd, [numTurns]);
  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = place.current as HTMLDivElement;
    const isNear = scrollHeight - scrollTop - clientHeight < NEAR_END;
    follows.current = isNear;
    if (isNear === isAway) setAway(!isNear);
  };
  const isCompared = current.sides.length > 1;
  return (
    <div class="side">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be reached by keys */}
      <div class="turns" ref={place} onScroll={onScroll} tabIndex={0} role="log" aria-live="off" aria-label={model}>
        <div class="column">
          {turns.length === 0 && <Beginning model={model} isCompared={isCompared} />}
          {turns.map((turn, i) => (
            <TurnView
              key={turn.id}
              chat={chat}
              side={side}
              turn={turn}
              branches={branchesOf(tree, turn)}
              isLast={i === turns.length - 1}
              isBusy={writing.has(side)}
            />
          ))}
        </div>
      </div>
      {isAway && <IconButton class="to-end" icon="end" label={words.toEnd} onClick={toEnd} />}
    </div>
  );
}

function Beginning({ model, isCompared }: { readonly model: string; readonly isCompared: boolean }) {
  const { chat: words } = useWords();
  if (isCompared) return <p class="beginning quiet">{model}</p>;
  return (
    <div class="beginning">
      <p class="big">{words.heading}</p>
      <p class="quiet">{words.lead(model)}</p>
    </div>
  );
}
