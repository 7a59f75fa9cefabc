"""Conversations rendered by `transformers` through the chat templates in templates/*.jinja, or the fact
that it refuses them.
"""

import json
from importlib.metadata import version
from pathlib import Path

from transformers.utils.chat_template_utils import _compile_jinja_template

FOLDER = Path(__file__).parent / "templates"
BOS, EOS = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"


def turn(role, content, **more):
    return {"role": role, "content": content, **more}


def call(name, arguments):
    return {"type": "function", "function": {"name": name, "arguments": arguments}}


ASK = turn("user", "What is 7*8?")
THOUGHT = turn("assistant", "<think>\n7*8 is 56.\n</think>\n\n7*8 = **56** <b>&</b> 'done'")
WEATHER = [call("weather", '{"city": "Zürich"}'), call("weather", '{"city": "成都"}')]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather <now> & here: 'sun' or \"rain\"",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "number", "default": 1.5}},
                "required": ["city"],
            },
        },
    }
]
# What Python writes otherwise than JSON, where a template makes text of a tool.
ODD_TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "odd",
            "description": "it's a\ttab, a\nline, a \\ and\u00a0\u200b\x7f \U0001f525 é",
            "parameters": {
                "type": "object",
                "properties": {"x": {"default": 0.0005, "enum": [None, True, False, 2, -0.5, "", []]}},
            },
        },
    }
]
# name: messages, tools, add_generation_prompt
CONVERSATIONS = {
    "plain": ([ASK], None, True),
    "not opened": ([ASK], None, False),
    "system": ([turn("system", "Be brief.\n"), ASK], None, True),
    "two systems": ([turn("system", "Be brief."), turn("system", "Be kind."), ASK], None, True),
    "thinking in history": (
        [ASK, THOUGHT, turn("user", "And 🔥 7*9?\n"), turn("assistant", "63"), turn("user", "Sure?")],
        None,
        True,
    ),
    "ends in an answer": ([ASK, THOUGHT], None, False),
    "tools": ([ASK], TOOLS, True),
    "tools beside a system": ([turn("system", "Be brief."), ASK], TOOLS, True),
    "odd tools": ([ASK], ODD_TOOLS, True),
    "no thinking": ([turn("system", "Be brief. /no_think\n"), ASK, turn("assistant", "\n56"), ASK], None, True),
    "one call": ([ASK, turn("assistant", None, tool_calls=WEATHER[:1]), turn("tool", "sunny")], TOOLS, True),
    "two calls": (
        [ASK, turn("assistant", None, tool_calls=WEATHER), turn("tool", "sunny"), turn("tool", "rain")],
        None,
        True,
    ),
    "call beside content": (
        [ASK, turn("assistant", "Let me look.", tool_calls=WEATHER), turn("tool", "sunny"), turn("tool", "rain")],
        None,
        True,
    ),
    "answer after calls": (
        [
            ASK,
            turn("assistant", "", tool_calls=WEATHER),
            turn("tool", "sunny"),
            turn("tool", "rain"),
            turn("assistant", "Both."),
            turn("user", "Thanks"),
        ],
        None,
        True,
    ),
    "unknown role": ([turn("developer", "Be brief."), ASK], None, True),
}


def render(template, messages, tools, opened):
    try:
        text = _compile_jinja_template(template).render(
            messages=messages, tools=tools, add_generation_prompt=opened, bos_token=BOS, eos_token=EOS
        )
    except Exception as error:  # noqa: BLE001 - whatever a template raises is the fact recorded
        return {"refused": type(error).__name__}
    return {"text": text}


def main():
    conversations = [
        {"name": name, "messages": m, "tools": t, "openAssistant": o} for name, (m, t, o) in CONVERSATIONS.items()
    ]
    rendered = {}
    for path in sorted(FOLDER.glob("*.jinja")):
        template = path.read_text(encoding="utf-8")
        rendered[path.stem] = {name: render(template, *conversation) for name, conversation in CONVERSATIONS.items()}
    golden = {
        "versions": {name: version(name) for name in ("transformers", "jinja2")},
        "conversations": conversations,
        "rendered": rendered,
    }
    (FOLDER / "rendered.json").write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
