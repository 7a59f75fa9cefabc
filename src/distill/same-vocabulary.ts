// Whether two models read and write the same tokens: what methods that compare their probabilities rest on.
import { ConfigError } from "../errors.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";

/** Differences that are told by name. */
const MAX_NAMED = 3;

/**
 * Throws ConfigError where a token of one is not the same token of the other, naming the first of them. `mend`: what to
 * do instead.
 */
export function refuseOtherVocabulary(teacher: Tokenizer, student: Tokenizer, mend: string): void {
  const [theirs, ours] = [teacher, student].map(tokensOf);
  const differing: number[] = [];
  for (let id = 0; id < Math.max(theirs.length, ours.length); id++) if (theirs[id] !== ours[id]) differing.push(id);
  if (differing.length === 0) return;
  const shown = (token: string | undefined) => (token === undefined ? "no token" : JSON.stringify(token));
  const named = differing
    .slice(0, MAX_NAMED)
    .map((id) => `${id} is ${shown(theirs[id])} there and ${shown(ours[id])} here`);
  const more = differing.length > MAX_NAMED ? `, and ${differing.length - MAX_NAMED} more` : "";
  throw new ConfigError(
    `distill: the vocabularies of teacher (${theirs.length} tokens) and student (${ours.length}) differ: token ` +
      `${named.join("; ")}${more}; ${mend}`,
  );
}

/** Each token as bytes, control tokens and tags by their names. */
function tokensOf(tokenizer: Tokenizer): string[] {
  const named = new Map(tokenizer.specialTokens.map(({ id, token }) => [id, token]));
  return Array.from({ length: tokenizer.vocabSize }, (_, id) => {
    const bytes = named.has(id) ? undefined : tokenizer.tokenBytes?.(id);
    return named.get(id) ?? (bytes ? Buffer.from(bytes).toString("latin1") : tokenizer.decode([id]));
  });
}
