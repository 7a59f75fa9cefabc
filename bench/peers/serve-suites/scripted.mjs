// A server on a free port with models that follow a script: `plain` does not think, `caller` calls the tool it is given
// without being told to, and others think. What suites ask of a model (that it counts, that it calls) the script does.
import { pino } from "pino";
import { startServer } from "../../../dist/src/server/server.js";
import { scriptedEngine } from "../../../dist/tests/interop/scripted-model.js";

const scriptOf = (name, thinks = name !== "plain" && name !== "caller") => ({
  template:
    "{{ bos_token }}{% if tools %}{{ tools | tojson }}<tool_call>{% endif %}" +
    "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}{% for c in m['tool_calls'] or [] %}" +
    "<tool_call>{{ c | tojson }}</tool_call>{% endfor %}{% endfor %}[assistant]" +
    (thinks ? "<think>\n" : ""),
  tags: ["<think>", "</think>"],
  says: (prompt) => (thinks ? "The question is short.\n</think>\n\n" : "") + answerTo(prompt, name === "caller"),
});

const CALL = '{"name":"get_weather","arguments":{"location":"San Francisco, CA"}}';

/** A model that must call writes a list, as the grammar has it; one that may call, in the form of its template. */
const answerTo = (prompt, calls) => {
  if (!prompt.includes("<tool_call>") || prompt.includes("[tool]")) return "one two three four five";
  return calls ? `<tool_call>${CALL}</tool_call>` : `[${CALL}]`;
};

/**
 * A model that thinks and then says what `answer` makes of the prompt; it may call its tools in the form of Qwen and
 * Hermes, which its template names in a comment.
 */
export const thinkingCaller = (answer) => ({
  template:
    "{{ bos_token }}{% if tools %}{{ tools | tojson }}{# <tool_call> #}{% endif %}" +
    "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}{% for c in m['tool_calls'] or [] %}" +
    "<call>{{ c | tojson }}</call>{% endfor %}{% endfor %}[assistant]<think>\n",
  tags: ["<think>", "</think>", "<tool_call>", "</tool_call>"],
  says: (prompt) => `Hm.\n</think>\n\n${answer(prompt)}`,
});

/** Gives its URL and a way to close it. */
export async function startScripted(names, script = scriptOf) {
  const models = names.map((name) => ({ name, path: name }));
  const parts = { log: pino({ level: "silent" }), open: async ({ path }) => scriptedEngine(path, script(path)) };
  return startServer({ port: 0, drainSeconds: 1, models }, parts);
}
