// Claims about conversations as trees: branches stay, one is shown, what was cut short ends.
import { expect, test } from "vitest";
import {
  asKept,
  branchesOf,
  newConversation,
  PLAIN_SETTINGS,
  shownTurns,
  type Turn,
  type TurnTree,
  titleOf,
  turnsBefore,
  withBranch,
  withChanged,
  withTurn,
} from "./conversation.ts";
import { asMarkdown, fileName } from "./export.ts";
import { replyRequest } from "./stream-reply.ts";

const turn = (id: string, parent: string | null, more: Partial<Turn> = {}): Turn => ({
  ...{ id, parent, role: parent === null || parent.startsWith("a") ? "user" : "assistant", text: id, ending: "stop" },
  ...more,
});
const conversation = newConversation(["m"], PLAIN_SETTINGS);
const empty = conversation.sides[0].tree;
const grown = (turns: readonly Turn[]): TurnTree => turns.reduce(withTurn, empty);
const ids = (turns: readonly Turn[]) => turns.map(({ id }) => id);
const talk = grown([turn("u1", null), turn("a1", "u1"), turn("u2", "a1"), turn("a2", "u2")]);

test("another answer is a branch beside the first; both stay, and one gets from one to the other", () => {
  const both = withTurn(talk, turn("a3", "u2"));
  expect(ids(shownTurns(both))).toEqual(["u1", "a1", "u2", "a3"]);
  expect(ids(branchesOf(both, both.turns.a3))).toEqual(["a2", "a3"]);
  const back = withBranch(both, both.turns.a3, -1);
  expect(ids(shownTurns(back))).toEqual(["u1", "a1", "u2", "a2"]);
  expect(withBranch(back, back.turns.a2, -1)).toBe(back);
});

test("an edited first message begins another branch, and what followed the former comes back with it", () => {
  const edited = withTurn(talk, turn("u3", null));
  expect(ids(shownTurns(edited))).toEqual(["u3"]);
  expect(ids(shownTurns(withBranch(edited, edited.turns.u3, -1)))).toEqual(["u1", "a1", "u2", "a2"]);
  expect(ids(turnsBefore(talk, "a2"))).toEqual(["u1", "a1", "u2"]);
});

test("an answer that was being written when the page ended has stopped", () => {
  const cut = withChanged(talk, "a2", { ending: undefined });
  const { sides } = asKept({ ...conversation, sides: [{ model: "m", tree: cut }] });
  expect(sides[0].tree.turns.a2.ending).toBe("stopped");
  expect(sides[0].tree.turns.a1.ending).toBe("stop");
});

test("a file of it holds what is shown, thoughts quoted, under the title's name", () => {
  const tree = grown([turn("u1", null, { text: "What is 7*8?\nPlease." }), turn("a1", "u1", { thought: "One\ntwo" })]);
  const file = { ...conversation, sides: [{ model: "m", tree }] };
  expect(titleOf(file)).toBe("What is 7*8? Please.");
  expect(fileName(file, "md")).toBe("what-is-7-8-please.md");
  expect(asMarkdown(file)).toBe(
    "# What is 7*8? Please.\n\n## You\n\nWhat is 7*8?\nPlease.\n\n## m\n\n> One\n> two\n\na1\n",
  );
});

test("a request holds the turns with their thoughts, and of the settings those that were given", () => {
  const settings = { ...PLAIN_SETTINGS, system: "Be brief.", thinking: "off", topK: 5, schema: '{"type":"object"}' };
  const turns = [turn("u1", null), turn("a1", "u1", { thought: "Hm." }), turn("u2", "a1")];
  const request = JSON.parse(JSON.stringify(replyRequest("m", turns, settings as typeof PLAIN_SETTINGS)));
  expect(request).toEqual({
    model: "m",
    stream: true,
    stream_options: { include_usage: true },
    messages: [
      { role: "system", content: "Be brief." },
      { role: "user", content: "u1" },
      { role: "assistant", content: "a1", reasoning_content: "Hm." },
      { role: "user", content: "u2" },
    ],
    top_k: 5,
    thinking: { type: "disabled" },
    response_format: { type: "json_schema", json_schema: { name: "answer", schema: { type: "object" } } },
  });
});
