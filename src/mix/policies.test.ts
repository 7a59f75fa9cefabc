// The policies over members that say what they are told to: what is asked of whom, how often, and who gives the reply.
import { expect, test } from "vitest";
import { ConfigError } from "../errors.js";
import { ChatSession } from "../inference/conversation/chat-session.js";
import type { Completion, TokenEvent } from "../inference/runtime/request.js";
import { Ballot } from "./ballot.js";
import { bestOfPolicy, rewardJudge, verifierJudge } from "./best-of.js";
import { blendPolicy } from "./blend.js";
import { cascadePolicy } from "./cascade.js";
import type { Policy } from "./course.js";
import { Mix } from "./mix.js";
import { mixModel, mixStyle } from "./mix-chat.js";
import { conversationQuestion, type Question } from "./question.js";
import { routePolicy, ruleChooser } from "./route.js";
import { boxed, type MadeMember, scriptedMember } from "./scripted-member.fixture.js";
import { votePolicy } from "./vote.js";

const question = (text = "What is 1+1?"): Question =>
  conversationQuestion({ messages: [{ role: "user", content: text }] });

async function ask(made: readonly MadeMember[], policy: Policy, asked = question(), seed = 7): Promise<Completion> {
  const mix = new Mix(
    made.map(({ member }) => member),
    policy,
  );
  return mix.answer(asked, { sampling: { seed } }).result;
}

const members = (made: readonly MadeMember[]) => made.map(({ member }) => member);
const asked = (made: readonly MadeMember[]) => made.map(({ prompts }) => prompts.length);

test("votes are counted by equality of answers, and ties go to the answer given first", () => {
  const ballot = new Ballot<number>((a, b) => Number(a) === Number(b));
  for (const [i, answer] of ["2", "3", null, "3.0", "2.0"].entries()) ballot.add(i, answer);
  expect(ballot.lead).toEqual({ answer: "2", voters: [0, 4] });
});

test("a vote is settled exactly when no further votes can change it", () => {
  const outcome = (votes: readonly string[]) => {
    const ballot = new Ballot<number>((a, b) => a === b);
    for (const [i, vote] of votes.entries()) ballot.add(i, vote);
    return ballot;
  };
  const choices = ["a", "b", "c"];
  const all = (n: number): string[][] =>
    n === 0 ? [[]] : all(n - 1).flatMap((votes) => choices.map((choice) => [...votes, choice]));
  for (let cast = 0; cast <= 4; cast++)
    for (const votes of all(cast)) {
      const remaining = 5 - cast;
      const { lead } = outcome(votes);
      const ends = all(remaining).map((rest) => outcome([...votes, ...rest]).lead?.answer);
      expect([votes, outcome(votes).isSettled(remaining)]).toEqual([votes, ends.every((end) => end === lead?.answer)]);
    }
});

test("a vote ends after the round that settles it, and replies with the first sample of the majority", async () => {
  const made = [
    scriptedMember({ name: "a", says: boxed("3", "2") }),
    scriptedMember({ name: "b", says: boxed("2.0") }),
  ];
  const completion = await ask(made, votePolicy(members(made), { samples: 8, round: 2 }));
  expect(completion.text).toBe("So it is \\boxed{2.0}.");
  // 3, 2.0; 2, 2.0; 2, 2.0: five of eight say 2, so the fourth round is spared.
  expect(asked(made)).toEqual([3, 3]);
  expect(completion.members?.map(({ member, completions, tokens }) => [member, completions, tokens])).toEqual([
    ["a", 3, 57],
    ["b", 3, 63],
  ]);
});

test("the first sample has the seed that was asked for, every other one its own, and all again the same", async () => {
  const seeds = async () => {
    const made = scriptedMember({ name: "a", says: boxed("1", "2", "3", "4") });
    await ask([made], votePolicy([made.member], { samples: 4, round: 4 }));
    return made.seeds;
  };
  const drawn = await seeds();
  expect(drawn[0]).toBe(7);
  expect(new Set(drawn).size).toBe(4);
  expect(await seeds()).toEqual(drawn);
});

test("where nobody gives an answer, one round is enough and the first reply stands", async () => {
  const made = scriptedMember({ name: "a", says: (_, n) => `Hello, number ${n} here` });
  const completion = await ask([made], votePolicy([made.member], { samples: 8, round: 3 }));
  expect([completion.text, made.prompts.length]).toEqual(["Hello, number 0 here", 3]);
});

test("best-of takes the sample that the reward model scores highest", async () => {
  const made = scriptedMember({ name: "a", says: boxed("1", "5", "3") });
  const score = async (answers: readonly { readonly answer: string }[]) => answers.map(({ answer }) => Number(answer));
  const completion = await ask([made], bestOfPolicy([made.member], 3, rewardJudge({ score })));
  expect(completion.response.answer).toBe("5");
});

test("best-of by the verifier needs a task, and says so", async () => {
  const made = scriptedMember({ name: "a", says: boxed("1", "5", "3") });
  const policy = bestOfPolicy([made.member], 3, verifierJudge);
  await expect(ask([made], policy)).rejects.toThrow(/the judge "verifier" needs a task/);
  const verified = { ...question(), verify: (answer: string) => Number(answer === "3") };
  expect((await ask([made], policy, verified)).response.answer).toBe("3");
});

test("a cascade stays with the small member where its samples agree, and goes on where they do not", async () => {
  const thresholds = [{ agreement: 0.75, logProb: null }];
  const run = async (...answers: string[]) => {
    const small = scriptedMember({ name: "small", says: boxed(...answers) });
    const large = scriptedMember({ name: "large", says: boxed("9") });
    const policy = cascadePolicy([() => small.member], large.member, { samples: 4, lastSamples: 1, thresholds });
    return [(await ask([small, large], policy)).response.answer, ...asked([small, large])];
  };
  expect(await run("2", "2", "4", "2")).toEqual(["2", 4, 0]);
  expect(await run("2", "3", "4", "2")).toEqual(["9", 4, 1]);
});

test("a cascade goes on where the samples agree but were unlikely", async () => {
  const run = async (logProb: number) => {
    const small = scriptedMember({ name: "small", says: boxed("2"), logProb });
    const large = scriptedMember({ name: "large", says: boxed("9") });
    const rules = { samples: 2, lastSamples: 1, thresholds: [{ agreement: 1, logProb: -1 }] };
    return (await ask([small, large], cascadePolicy([() => small.member], large.member, rules))).response.answer;
  };
  expect([await run(-0.9), await run(-1.1)]).toEqual(["2", "9"]);
});

test("rules choose the member whose pattern the question contains, and a question without one is refused", async () => {
  const made = [
    scriptedMember({ name: "sums", says: boxed("1") }),
    scriptedMember({ name: "words", says: boxed("2") }),
  ];
  const rules = [
    { pattern: "\\d+ *\\+", member: "sums" },
    { pattern: "knight", member: "words" },
  ];
  const policy = routePolicy([ruleChooser(rules, members(made))], { samples: 1, round: null });
  expect((await ask(made, policy, question("A KNIGHT said"))).response.answer).toBe("2");
  expect((await ask(made, policy, question("3 + 4"))).response.answer).toBe("1");
  await expect(ask(made, policy, question("Sing!"))).rejects.toThrow(ConfigError);
});

test("a blend's aggregator reads the question and what the proposers answered, and gives the reply", async () => {
  const made = [
    scriptedMember({ name: "a", says: boxed("1") }),
    scriptedMember({ name: "b", says: boxed("2") }),
    scriptedMember({ name: "judge", says: boxed("2") }),
  ];
  const [a, b, judge] = members(made);
  expect((await ask(made, blendPolicy([a, b], judge, 1))).response.answer).toBe("2");
  expect(asked(made)).toEqual([1, 1, 1]);
  expect(made[2].prompts[0]).toMatch(
    /^\[user\]What is 1\+1\?[\s\S]*\[1\] So it is \\boxed\{1\}\.\n\[2\] So it is \\boxed\{2\}\./,
  );
});

test("cancelling ends the samples of all members, and the reply is cancelled", async () => {
  const made = ["a", "b"].map((name) => scriptedMember({ name, says: boxed("1"), hangs: true }));
  const mix = new Mix(members(made), votePolicy(members(made), { samples: 4, round: 4 }));
  const abort = new AbortController();
  const reply = mix.answer(question(), { sampling: {} }, abort.signal);
  await new Promise((resolve) => setTimeout(resolve, 5));
  abort.abort();
  expect((await reply.result).finishReason).toBe("cancelled");
  expect(made.map(({ cancelled }) => cancelled)).toEqual([
    [0, 1],
    [0, 1],
  ]);
});

test("when one member fails, the others are cancelled and the failure is told", async () => {
  const made = [
    scriptedMember({ name: "a", says: boxed("1"), hangs: true }),
    scriptedMember({ name: "b", says: boxed("1"), maxContext: 4 }),
  ];
  const policy = votePolicy(members(made), { samples: 2, round: 2 });
  await expect(ask(made, policy)).rejects.toThrow(/member "b": the prompt has \d+ tokens, its context is 4/);
  expect(made[0].cancelled).toEqual([0]);
});

test("a conversation streams a routed reply as it is made, and a vote's when it is settled", async () => {
  const made = scriptedMember({ name: "a", says: boxed("1") });
  const mix = new Mix([made.member], votePolicy([made.member], { samples: 3, round: 3 }));
  const session = new ChatSession(mixModel(mix), mixStyle(mix));
  const told: string[] = [];
  for await (const event of session.ask("1?", {})) {
    if (event.kind === "piece") told.push(event.text);
    if (event.kind === "end")
      expect(event.figures.members).toMatchObject([{ member: "a", completions: 3, tokens: 57 }]);
  }
  expect(told.join("")).toBe("So it is \\boxed{1}.");
  expect(session.messages.map(({ content }) => content)).toEqual(["1?", "So it is \\boxed{1}."]);
});

test("members with other tokenizers answer alike, and what needs one tokenizer is refused by their names", async () => {
  const { createTokenizer, createByteTokenizer } = await import("../tokenizer/index.js");
  const other = createTokenizer(createByteTokenizer({ bos: "<b>" }).toJSON(), {
    chat_template: "Q {{ messages[-1].content }} A",
  });
  const made = [
    scriptedMember({ name: "a", says: boxed("1") }),
    scriptedMember({ name: "b", says: boxed("1"), tokenizer: other }),
  ];
  const mix = new Mix(members(made), votePolicy(members(made), { samples: 2, round: 2 }));
  const prompt = mixStyle(mix).prompt([{ role: "user", content: "1?" }]);
  const request = { prompt, form: "chat" as const, maxNewTokens: 100, sampling: {} };
  expect((await mixModel(mix).reply(request).result).text).toBe("So it is \\boxed{1}.");
  expect(made.map(({ prompts }) => prompts)).toEqual([["[user]1?[assistant]"], ["<b>Q 1? A"]]);
  expect(() => mixModel(mix).reply({ ...request, sampling: { topLogProbs: 2 } })).toThrow(
    'need one tokenizer, but the members "a" and "b" of this mix have different ones',
  );
});

test("leaving a reply early cancels all members", async () => {
  const made = scriptedMember({ name: "a", says: boxed("1"), hangs: true });
  const mix = new Mix([made.member], votePolicy([made.member], { samples: 1, round: 1 }));
  const reply = mix.answer(question(), { sampling: {} });
  const first: TokenEvent[] = [];
  for await (const event of reply) {
    first.push(event);
    break;
  }
  expect((await reply.result).finishReason).toBe("cancelled");
  expect(first).toHaveLength(1);
});
