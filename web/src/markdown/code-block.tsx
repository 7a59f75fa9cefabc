// A piece of code with its language and a button that copies it. Coloured when it is complete.
import { useEffect, useRef } from "preact/hooks";
import { CopyButton } from "../page/copy-button.tsx";
import { useWords } from "../words/index.ts";

interface Props {
  readonly language: string;
  readonly text: string;
  readonly isOpen: boolean;
}

/** Draws code; `isOpen`: more of it may come. */
export function CodeBlock({ language, text, isOpen }: Props) {
  const { chat } = useWords();
  const place = useRef<HTMLElement>(null);
  useEffect(() => {
    if (isOpen || !language) return;
    void import("./highlight.ts").then(({ highlight }) => place.current && highlight(place.current, language));
  }, [isOpen, language, text]);
  return (
    <div class="code">
      <div class="code-head">
        <span>{language || chat.code}</span>
        <CopyButton text={() => text} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be reached by keys */}
      <pre tabIndex={0}>
        <code ref={place} key={isOpen ? "open" : text}>
          {text}
        </code>
      </pre>
    </div>
  );
}
