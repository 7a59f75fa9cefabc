// Our side of a reply: a server on this machine whose model says what a case wants.
import { pino } from "pino";
import { startServer } from "../../../dist/src/server/server.js";
import { scriptedEngine } from "../../../dist/tests/interop/scripted-model.js";

/** Thinks unless it is told not to, and writes calls as Qwen does. */
export const STREAM_SCRIPT = {
  template:
    "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}{% endfor %}" +
    "{% if tools %}{{ tools | tojson }}<tool_call>{% endif %}" +
    "[assistant]{% if thinking is defined and not thinking %}</think>{% else %}<think>{% endif %}",
  // The last is how the peer's calls are told from text; nothing here says it.
  tags: ["<think>", "</think>", "｜DSML｜"],
  maxPositions: 16384,
};

const PATHS = { chat: "/v1/chat/completions", messages: "/v1/messages", responses: "/v1/responses" };

/** The model looks for the prompt among all that it was asked. */
const REPLIES_PER_SERVER = 100;

export class OurStreams {
  #reply = "";
  #numAsked = 0;
  #server;

  async #start() {
    const open = async ({ path }) => scriptedEngine(path, { ...STREAM_SCRIPT, says: () => this.#reply });
    const settings = { port: 0, models: [{ name: "scripted", path: "scripted" }] };
    return startServer(settings, { log: pino({ level: "silent" }), open });
  }

  /** The whole body, or the list of events, of a reply. */
  async of(dialect, body, reply) {
    this.#reply = reply;
    if (this.#numAsked % REPLIES_PER_SERVER === 0) {
      await this.close();
      this.#server = await this.#start();
    }
    // The model tells prompts apart by what they hold.
    const said = `x ${this.#numAsked++}`;
    const asked = dialect === "responses" ? { input: said } : { messages: [{ role: "user", content: said }] };
    const response = await fetch(`${this.#server.url}${PATHS[dialect]}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...body, model: "scripted", ...asked }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${response.status} ${text}`);
    return body.stream ? eventsOf(text) : JSON.parse(text);
  }

  async close() {
    await this.#server?.close();
  }
}

const eventsOf = (text) =>
  text
    .split("\n")
    .filter((line) => line.startsWith("data: {"))
    .map((line) => JSON.parse(line.slice(6)));
