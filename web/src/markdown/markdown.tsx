// A text of Markdown on the page, also while it is written: only its last block is drawn anew.
import type { Token } from "marked";
import { memo } from "preact/compat";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { type Block, BlockReader, codeOf } from "./blocks.ts";
import { CodeBlock } from "./code-block.tsx";
import { htmlOf } from "./html.ts";

/** Draws a text; `isWhole`: no more of it will come. */
export function Markdown({ text, isWhole }: { readonly text: string; readonly isWhole: boolean }) {
  const reader = useRef<BlockReader>(null);
  reader.current ??= new BlockReader();
  const blocks = reader.current.read(text, isWhole);
  return (
    <div class="markdown">
      {blocks.map((block, i) => (
        <BlockView key={i} block={block} />
      ))}
    </div>
  );
}

const BlockView = memo(function BlockView({ block }: { readonly block: Block }) {
  const code = codeOf(block);
  return code ? <CodeBlock {...code} isOpen={block.isOpen} /> : <HtmlBlock token={block.token} />;
});

function HtmlBlock({ token }: { readonly token: Token }) {
  const place = useRef<HTMLDivElement>(null);
  const html = useMemo(() => htmlOf(token), [token]);
  useMath(place, html);
  return <div ref={place} class="block" dangerouslySetInnerHTML={{ __html: html }} />;
}

type DrawMath = (element: HTMLElement) => void;
let drawMath: DrawMath | undefined;

/** Draws the formulas of a block: at once where it is known how, so that nothing flickers. */
function useMath(place: { readonly current: HTMLElement | null }, html: string): void {
  const hasMath = html.includes('class="math');
  const draw = (how: DrawMath) => {
    for (const element of place.current?.querySelectorAll<HTMLElement>(".math:not([data-drawn])") ?? []) how(element);
  };
  useLayoutEffect(() => {
    if (hasMath && drawMath) draw(drawMath);
  });
  useEffect(() => {
    if (!hasMath || drawMath) return;
    void import("./draw-math.ts").then((module) => {
      drawMath = module.drawMath;
      draw(drawMath);
    });
  }, [hasMath]);
}
