// A conversation as a tree of turns: another answer, or an edited message, is a branch beside the first. Plain data and
// functions that give changed copies. Knows no server and no page.

/** Why an answer ended; undefined while it is written. */
export type Ending = "stop" | "length" | "loop" | "stopped" | "failed";

/** What was counted of an answer. */
export interface Figures {
  readonly tokens?: number;
  readonly thoughtTokens?: number;
  readonly promptTokens?: number;
  readonly cachedTokens?: number;
  /** From the request to the first token. */
  readonly waitSeconds?: number;
  readonly thoughtSeconds?: number;
  /** From the first token to the last. */
  readonly seconds?: number;
}

/** A message or an answer. */
export interface Turn {
  readonly id: string;
  readonly parent: string | null;
  readonly role: "user" | "assistant";
  readonly text: string;
  readonly thought?: string;
  readonly model?: string;
  readonly figures?: Figures;
  readonly ending?: Ending;
  /** What went wrong, in the server's words. */
  readonly error?: string;
  /** Whether the answer was held to a JSON schema. */
  readonly isJson?: boolean;
}

/** Turns by their ids, and for each parent the branch that is shown; "" stands for the beginning. */
export interface TurnTree {
  readonly turns: Readonly<Record<string, Turn>>;
  readonly chosen: Readonly<Record<string, string>>;
}

/** How a conversation's answers are made. What is undefined is the model's own. */
export interface ChatSettings {
  readonly system: string;
  readonly thinking: "auto" | "on" | "off";
  readonly thinkingBudget?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
  readonly maxTokens?: number;
  readonly seed?: number;
  /** JSON schema as text; empty: none. */
  readonly schema: string;
}

/** One model's side of a conversation. */
export interface Side {
  readonly model: string;
  readonly tree: TurnTree;
}

/** A conversation with one model, or with two that are compared. */
export interface Conversation {
  readonly id: string;
  readonly updatedAt: number;
  readonly settings: ChatSettings;
  readonly sides: readonly Side[];
}

/** Settings that leave all to the model. */
export const PLAIN_SETTINGS: ChatSettings = { system: "", thinking: "auto", schema: "" };

const EMPTY: TurnTree = { turns: {}, chosen: {} };
const ROOT = "";

/** A name that no other turn or conversation has. Pages that are not served over TLS have no `crypto.randomUUID`. */
export const newId = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** A conversation with nothing said. */
export const newConversation = (models: readonly string[], settings: ChatSettings): Conversation => ({
  id: newId(),
  updatedAt: Date.now(),
  settings,
  sides: models.map((model) => ({ model, tree: EMPTY })),
});

/** The turns that are shown, from the first. */
export function shownTurns({ turns, chosen }: TurnTree): Turn[] {
  const path: Turn[] = [];
  for (let next = turns[chosen[ROOT]]; next; next = turns[chosen[next.id]]) path.push(next);
  return path;
}

/** The turns before one, from the first. */
export function turnsBefore({ turns }: TurnTree, id: string): Turn[] {
  const path: Turn[] = [];
  for (let at = turns[id].parent; at !== null; at = turns[at].parent) path.unshift(turns[at]);
  return path;
}

/** The branches that one stands beside, itself included, the oldest first. */
export const branchesOf = ({ turns }: TurnTree, { parent }: Turn): Turn[] =>
  Object.values(turns).filter((turn) => turn.parent === parent);

/** With a turn more, which is shown. */
export const withTurn = ({ turns, chosen }: TurnTree, turn: Turn): TurnTree => ({
  turns: { ...turns, [turn.id]: turn },
  chosen: { ...chosen, [turn.parent ?? ROOT]: turn.id },
});

/** With a turn in another state. */
export const withChanged = (tree: TurnTree, id: string, change: Partial<Turn>): TurnTree => ({
  ...tree,
  turns: { ...tree.turns, [id]: { ...tree.turns[id], ...change } },
});

/** With the branch `by` places further shown, where there is one. */
export function withBranch(tree: TurnTree, turn: Turn, by: number): TurnTree {
  const branches = branchesOf(tree, turn);
  const next = branches[branches.findIndex(({ id }) => id === turn.id) + by];
  return next ? { ...tree, chosen: { ...tree.chosen, [next.parent ?? ROOT]: next.id } } : tree;
}

/** The beginning of the first message; empty where nothing has been said. */
export function titleOf({ sides: [{ tree }] }: Conversation): string {
  const [first] = shownTurns(tree);
  const line = first?.text.trim().replaceAll(/\s+/g, " ") ?? "";
  return line.length > 60 ? `${line.slice(0, 60).trimEnd()}…` : line;
}

/** What was kept while an answer was still written will get no more of it. */
export const asKept = (conversation: Conversation): Conversation => ({
  ...conversation,
  sides: conversation.sides.map((side) => ({ ...side, tree: endedTree(side.tree) })),
});

const endedTree = ({ turns, chosen }: TurnTree): TurnTree => ({
  chosen,
  turns: Object.fromEntries(
    Object.entries(turns).map(([id, turn]) => [
      id,
      turn.role === "assistant" && turn.ending === undefined ? { ...turn, ending: "stopped" as const } : turn,
    ]),
  ),
});
