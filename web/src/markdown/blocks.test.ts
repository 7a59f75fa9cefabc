// Claims about Markdown that grows: it ends as it would read at once, and what is settled is not touched again.
import { marked } from "marked";
import { expect, test } from "vitest";
import { type Block, BlockReader, codeOf } from "./blocks.ts";

const TEXT = `# Title

First *paragraph*
with two lines.

- one
- two

  more of two

- three

\`\`\`python
print("a")

# not a heading
\`\`\`

| a | b |
|---|---|
| 1 | 2 |

Let $x^2$ and \\(y\\), or \\[ z = \\frac{1}{2} \\] inside.

$$
a + b
$$

Last.`;

const htmlOf = (blocks: readonly Block[]) => blocks.map(({ token }) => marked.parser([token])).join("");

test("read letter by letter, a text ends as one that is read at once; each block is settled once", () => {
  const reader = new BlockReader();
  let before: readonly Block[] = [];
  for (let length = 1; length <= TEXT.length; length++) {
    const now = reader.read(TEXT.slice(0, length), false);
    const settled = before.filter(({ isOpen }) => !isOpen);
    expect(now.slice(0, settled.length)).toEqual(settled);
    for (const [i, block] of settled.entries()) expect(now[i]).toBe(block);
    expect(now.filter(({ isOpen }) => isOpen).length).toBeLessThanOrEqual(1);
    before = now;
  }
  const whole = reader.read(TEXT, true);
  expect(htmlOf(whole)).toBe(htmlOf(new BlockReader().read(TEXT, true)));
  expect(whole.map(({ token }) => token.type)).toEqual([
    "heading",
    "paragraph",
    "list",
    "code",
    "table",
    "paragraph",
    "mathBlock",
    "paragraph",
  ]);
  expect(reader.read(TEXT, true)).toBe(whole);
});

test("another text begins anew; line ends of other systems read as ours", () => {
  const reader = new BlockReader();
  reader.read("one\n\ntwo\n\nthree", false);
  expect(htmlOf(reader.read("other\r\n\r\ntext", true))).toBe("<p>other</p>\n<p>text</p>\n");
});

test("a piece of code gives its language and its text, also before it has ended", () => {
  const [block] = new BlockReader().read("```ts title=x\nlet a;\n", false);
  expect(codeOf(block)).toEqual({ language: "ts", text: "let a;" });
});

const inline = (text: string) => marked.parseInline(text) as string;

test.each([
  ["$x^2$", '<span class="math">x^2</span>'],
  ["\\(a<b\\)", '<span class="math">a&lt;b</span>'],
  ["\\[z\\]", '<div class="math displayed">z</div>'],
  ["$$z$$", '<div class="math displayed">z</div>'],
])("%s is a formula", (text, html) => expect(inline(text)).toBe(html));

test.each(["It costs $5 and $6.", "$ 5$", "a $ b $ c", "`$x$` and \\$y\\$"])("%s holds none", (text) =>
  expect(inline(text)).not.toContain("math"),
);
