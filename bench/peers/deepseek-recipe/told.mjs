// What a client is told, without what is free: ids, dates, how texts are cut into deltas, fields that one side alone
// has. Knows the wire forms of three dialects, no server.

/** A body, or the events of a stream, as what it says. `counted`: which counts of tokens are compared. */
export function asTold(dialect, given, isStream, counted) {
  const told = isStream ? STREAMS[dialect](given) : WHOLES[dialect](given);
  const isUncounted = (key) => key in COUNTS && !counted[COUNTS[key]];
  return JSON.parse(JSON.stringify(told, (key, value) => (isUncounted(key) ? undefined : value)));
}

const COUNTS = { newTokens: "all", thinkingTokens: "thinking" };

const parsed = (text) => {
  try {
    return JSON.parse(text || "{}");
  } catch {
    return { unparsed: text };
  }
};

const chatUsage = ({ completion_tokens: newTokens, completion_tokens_details: details }) => ({
  newTokens,
  thinkingTokens: details?.reasoning_tokens ?? 0,
});
const messageUsage = ({ output_tokens: newTokens }) => ({ newTokens });
const responseUsage = ({ output_tokens: newTokens, output_tokens_details: details }) => ({
  newTokens,
  thinkingTokens: details.reasoning_tokens,
});

const WHOLES = {
  chat({ choices: [{ message, finish_reason: end }], usage }) {
    const calls = (message.tool_calls ?? []).map(({ type, function: { name, arguments: given } }) => [
      type,
      name,
      parsed(given),
    ]);
    const { role, content, reasoning_content: thought } = message;
    return { role, content: content || "", thought: thought || "", calls, end, usage: chatUsage(usage) };
  },
  messages({ role, type, content, stop_reason: end, stop_sequence: stop, usage }) {
    return { role, type, content: content.map(blockOf), end, stop, usage: messageUsage(usage) };
  },
  responses: (response) => responseOf(response),
};

const blockOf = ({ type, text, thinking, name, input }) => [type, text ?? thinking ?? name, input ?? null];

const itemOf = ({ type, role, status, content, name, arguments: given }) => [
  ...[type, role ?? null, status, name ?? null],
  given === undefined || given === "" ? null : parsed(given),
  (content ?? []).map(({ type: kind, text }) => [kind, text]),
];

const responseOf = ({ status, output, incomplete_details: incomplete, usage }) => ({
  status,
  output: output.map(itemOf),
  incomplete: incomplete ?? null,
  usage: usage && responseUsage(usage),
});

/** Deltas of one kind at one place that follow another become one. */
function joined(events) {
  const made = [];
  for (const event of events) {
    const last = made.at(-1);
    if (last?.delta !== undefined && event.delta !== undefined && last.at === event.at) last.delta += event.delta;
    else made.push({ ...event });
  }
  return made
    .filter(({ delta }) => delta !== "")
    .map((event) => (/arguments|input_json/.test(event.at ?? "") ? { ...event, delta: parsed(event.delta) } : event));
}

const STREAMS = {
  chat(chunks) {
    const usage = chunks.find(({ usage: told }) => told)?.usage;
    const events = chunks.flatMap(({ choices }) => choices.flatMap(chatEvents));
    return { events: joined(events), usage: usage ? chatUsage(usage) : null };
  },
  messages: (events) => joined(events.filter(({ type }) => type !== "ping").map(messageEvent)),
  responses: (events) => [
    joined(events.map(responseEvent)),
    events.every(({ sequence_number: number }, i) => number === i),
  ],
};

function chatEvents({ index, delta, finish_reason: end }) {
  const { role, content, reasoning_content: thought, tool_calls: calls = [] } = delta;
  return [
    ...(role ? [{ index, role }] : []),
    ...(thought ? [{ at: `${index} thought`, delta: thought }] : []),
    ...(content ? [{ at: `${index} content`, delta: content }] : []),
    ...calls.flatMap(({ index: call, type, function: { name, arguments: given } }) => [
      ...(name ? [{ index, call, type, name }] : []),
      ...(given ? [{ at: `${index} arguments ${call}`, delta: given }] : []),
    ]),
    ...(end ? [{ index, end }] : []),
  ];
}

function messageEvent({ type, index, message, content_block: block, delta, usage }) {
  switch (type) {
    case "message_start":
      return { type, role: message.role, content: message.content };
    case "content_block_start":
      return { type, index, block: blockOf(block) };
    case "content_block_delta":
      if (delta.type === "signature_delta") return { type: delta.type, index };
      return { at: `${index} ${delta.type}`, delta: delta.text ?? delta.thinking ?? delta.partial_json };
    case "message_delta":
      return { type, end: delta.stop_reason, stop: delta.stop_sequence, usage: messageUsage(usage) };
    default:
      return { type, index };
  }
}

function responseEvent({
  type,
  output_index: index,
  content_index: part,
  delta,
  item,
  response,
  text,
  arguments: given,
}) {
  if (response) return { type, response: responseOf(response) };
  if (delta !== undefined) return { at: `${index} ${part} ${type}`, delta };
  return {
    type,
    index,
    part,
    item: item && itemOf(item),
    text,
    arguments: given === undefined ? undefined : parsed(given),
  };
}
