// Draws formulas with KaTeX, which is loaded when the first one is there. It sets styles by itself, one by one: the
// page's policy allows no style that stands in HTML.
import "katex/dist/katex.css";
import katex from "katex";

/** Formulas that were drawn, by source and form, to be drawn again while a text grows. */
const drawn = new Map<string, Node>();
const MOST_DRAWN = 2_000;

/** Draws a formula into an element in place of its source. What is no formula stays as it is written. */
export function drawMath(element: HTMLElement): void {
  const tex = element.textContent ?? "";
  const isDisplayed = element.classList.contains("displayed");
  const key = `${isDisplayed ? "=" : "-"}${tex}`;
  let node = drawn.get(key);
  if (!node) {
    const place = document.createElement("span");
    katex.render(tex, place, { displayMode: isDisplayed, throwOnError: false, strict: "ignore", maxExpand: 500 });
    if (drawn.size >= MOST_DRAWN) drawn.clear();
    drawn.set(key, place);
    node = place;
  }
  element.replaceChildren(node.cloneNode(true));
  element.dataset.drawn = "";
}
