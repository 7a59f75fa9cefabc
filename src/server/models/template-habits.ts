// What a chat template does with the things that not all of them know: tools, thinking switched off, calls in earlier
// turns, system messages. Found by asking it to write small conversations, once a model. Knows templates, no model.
import { DataError } from "../../errors.js";
import type { ChatMessage, ChatTemplate, ChatTemplateOptions } from "../../tokenizer/index.js";

/** See the file's head. */
export interface TemplateHabits {
  /** Whether tools that are given to it stand in the prompt. */
  readonly showsTools: boolean;
  /** Whether it writes earlier calls. */
  readonly showsCalls: boolean;
  /** Whether it writes messages of the role `tool`. */
  readonly showsResults: boolean;
  /** Whether `enable_thinking` or `thinking` changes what it writes. */
  readonly switchesThinking: boolean;
  /** Whether arguments of earlier calls must be objects (else they are text). */
  readonly wantsArgumentObjects: boolean;
  /** The content of a turn that only calls tools. */
  readonly emptyContent: "" | null;
  /** Where it writes system messages, each of them: wherever they stand, one at the beginning, or none. */
  readonly systems: "anywhere" | "first" | "none";
}

const USER: ChatMessage = { role: "user", content: "?" };
const PROBE_TOOL = { type: "function", function: { name: "luciole_probe", description: "?", parameters: {} } };
const SPOKEN_TURN: ChatMessage = { role: "assistant", content: "!" };
const RESULT = { role: "tool", content: "luciole_result", tool_call_id: "call00000", name: "luciole_probe" } as const;
const [PROBE_KEY, PROBE_VALUE] = ["luciole_key", "luciole_value"];
const PROBE_ARGUMENTS = JSON.stringify({ [PROBE_KEY]: PROBE_VALUE });

/** Variables that switch thinking, by the names that published templates give them. */
export const thinkingVariables = (isOn: boolean) => ({ enable_thinking: isOn, thinking: isOn });

const systemTurn = (content: string): ChatMessage => ({ role: "system", content });
const [ONE, TWO, THREE] = ["luciole_one", "luciole_two", "luciole_three"];

/** Asks a template. Without one nothing is shown and nothing switched. */
export function templateHabits(template: ChatTemplate | undefined): TemplateHabits {
  const render = (messages: readonly ChatMessage[], options: Partial<ChatTemplateOptions> = {}) =>
    rendered(template, messages, options);
  const plain = render([USER]);
  const calls = CALL_FORMS.find(({ emptyContent, wantsArgumentObjects }) =>
    showsCall(render([USER, callTurn(emptyContent, wantsArgumentObjects)], { openAssistant: false })),
  );
  const withThinking = [true, false].map((isOn) => render([USER], { variables: thinkingVariables(isOn) }));
  const called = calls ? callTurn(calls.emptyContent, calls.wantsArgumentObjects) : SPOKEN_TURN;
  return {
    showsCalls: calls !== undefined,
    showsResults: render([USER, called, RESULT])?.includes(RESULT.content) ?? false,
    showsTools: render([USER], { tools: [PROBE_TOOL] })?.includes("luciole_probe") ?? false,
    systems: systemsOf(template, render),
    switchesThinking: plain !== undefined && withThinking[0] !== withThinking[1],
    ...(calls ?? CALL_FORMS[0]),
  };
}

/** Without a template, whoever makes the prompt says what it makes of system messages. */
function systemsOf(
  template: ChatTemplate | undefined,
  render: (messages: readonly ChatMessage[]) => string | undefined,
): TemplateHabits["systems"] {
  const several = [systemTurn(ONE), systemTurn(TWO), USER, SPOKEN_TURN, systemTurn(THREE), USER];
  const isWritten = (messages: readonly ChatMessage[], parts: readonly string[]) => {
    const text = render(messages) ?? "";
    return parts.every((part) => text.includes(part));
  };
  if (!template || isWritten(several, [ONE, TWO, THREE])) return "anywhere";
  return isWritten([systemTurn(ONE), USER], [ONE]) ? "first" : "none";
}

const CALL_FORMS = ([null, ""] as const).flatMap((emptyContent) =>
  [false, true].map((wantsArgumentObjects) => ({ emptyContent, wantsArgumentObjects })),
);

const callTurn = (content: "" | null, asObject: boolean): ChatMessage => ({
  role: "assistant",
  content,
  tool_calls: [
    {
      id: "call00000",
      type: "function",
      function: { name: "luciole_probe", arguments: asObject ? JSON.parse(PROBE_ARGUMENTS) : PROBE_ARGUMENTS },
    },
  ],
});

/** Whether name and arguments stand there: as JSON or in a form of the template's own, not as a text that quotes JSON. */
const showsCall = (text = ""): boolean =>
  ["luciole_probe", PROBE_KEY, PROBE_VALUE].every((part) => text.includes(part)) && !text.includes(`\\"${PROBE_KEY}`);

function rendered(
  template: ChatTemplate | undefined,
  messages: readonly ChatMessage[],
  options: Partial<ChatTemplateOptions>,
): string | undefined {
  try {
    return template?.render(messages, { openAssistant: true, ...options });
  } catch (error) {
    if (error instanceof DataError) return undefined;
    throw error;
  }
}
