// Questions put into the words of training.
import { expect, test } from "vitest";
import { createCountdownTask } from "../../tasks/countdown.js";
import { PROMPT_TEMPLATES } from "../../tasks/templates.js";
import { createByteTokenizer } from "../../tokenizer/byte-tokenizer.js";
import { ChatTemplate } from "../../tokenizer/chat-template.js";
import { createTokenizer } from "../../tokenizer/create-tokenizer.js";
import { chatStyle } from "./chat-style.js";
import { frameAsChatTemplate, frameOfChatTemplate, framePrompt } from "./prompt.js";

test("a bare Countdown becomes the very prompt of training, however it is spaced", () => {
  const task = createCountdownTask();
  const problem = { ...task.generate(0, 0, "train"), fields: { numbers: [3, 7, 8], target: 24 } };
  for (const typed of ["3 7 8 = 24", "3 7 8=24", " 3, 7, 8  =  24 "])
    expect(framePrompt(typed, "compact")).toBe(task.renderPrompt(problem, "compact"));
});
test("other questions are framed as they are, and framed ones let be", () => {
  expect(framePrompt("12+7", "compact")).toBe("Q:12+7\nA:");
  expect(framePrompt("Q:12+7\nA:", "compact")).toBe("Q:12+7\nA:");
  expect(framePrompt("Compute 12+7.", "r1-zero")).toContain("User: Compute 12+7. Inside the answer tags");
});
test("without a template nothing is added", () => {
  expect(framePrompt("Once upon a time", null)).toBe("Once upon a time");
  expect(framePrompt("3 7 8 = 24", "plain")).toBe("3 7 8 = 24");
});
test.each(PROMPT_TEMPLATES)(
  "%s as a chat template frames a question as training does, and is known again as that frame",
  (template) => {
    const source = frameAsChatTemplate(template);
    const tokenizer = createTokenizer(createByteTokenizer({}).toJSON(), { chat_template: source });
    for (const content of ["12+7", " What is 3 - 2?\n"])
      expect(ChatTemplate.of(tokenizer)?.render([{ role: "user", content }], { openAssistant: true })).toBe(
        framePrompt(content, template),
      );
    expect(frameOfChatTemplate(source)).toBe(template);
    // What a chat template cannot do, the spelling of a Countdown, and how a reply is read, are then as for the run
    // itself.
    const [own, kept] = [chatStyle(createByteTokenizer({}), template), chatStyle(tokenizer, null)];
    const ask = [{ role: "user", content: "3 7 8 = 24" }];
    expect([kept.kind, kept.remembers, kept.prompt(ask)]).toEqual([own.kind, own.remembers, own.prompt(ask)]);
  },
);
