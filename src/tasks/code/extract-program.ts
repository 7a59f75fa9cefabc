// Where a reply has its program: in the last fenced block of the language. Knows no task.
import type { ProgramLanguage } from "./program.js";

/** Names that stand behind a fence. */
const FENCE_NAMES: Readonly<Record<ProgramLanguage, readonly string[]>> = {
  python: ["python", "py", "python3"],
  javascript: ["javascript", "js", "node", "mjs", "ecmascript"],
};

interface Block {
  readonly language: string;
  readonly code: string;
}

/** The fenced blocks of a text; one that is not closed ends with the text, as in a reply that was cut. */
function fencedBlocks(text: string): Block[] {
  const blocks: Block[] = [];
  let open: { fence: string; language: string; lines: string[] } | undefined;
  for (const line of text.split(/\r?\n/)) {
    const { fence, language } = /^\s*(?<fence>`{3,}|~{3,})\s*(?<language>[\w+#.-]*)/.exec(line)?.groups ?? {};
    if (open && fence?.startsWith(open.fence) && language === "") {
      blocks.push({ language: open.language, code: open.lines.join("\n") });
      open = undefined;
    } else if (open) open.lines.push(line);
    else if (fence) open = { fence, language: language.toLowerCase(), lines: [] };
  }
  if (open) blocks.push({ language: open.language, code: open.lines.join("\n") });
  return blocks;
}

/** Lines that programs have and prose has not. */
const CODE_LINES = [
  /^\s*(?:async\s+)?(?:def|function)\b/,
  /^\s*(?:class|import)\s+\w|^\s*from\s+[\w.]+\s+import\b/,
  /^\s*(?:const|let|var|return)\b/,
  /^\s*(?:for|while|if)\b.*[:{]\s*$/,
  /^\s*(?:print\(|console\.|@\w|#|\/\/)/,
  /^\s*[\w.[\]]+\s*[-+*/%]?=[^=]/,
];

const looksLikeCode = (text: string): boolean =>
  text.split("\n").some((line) => CODE_LINES.some((kind) => kind.test(line)));

/**
 * The program of a reply: its last fenced block of the language, or else its last one that names no language; the whole
 * reply where it has no block and looks like code; null where there is none. Without `language`, any block counts.
 */
export function extractProgram(reply: string, language?: ProgramLanguage): string | null {
  const blocks = fencedBlocks(reply);
  const named = blocks.filter((block) => language === undefined || FENCE_NAMES[language].includes(block.language));
  const block = named.at(-1) ?? blocks.filter((each) => each.language === "").at(-1);
  if (block) return block.code;
  return blocks.length === 0 && looksLikeCode(reply) ? reply : null;
}
