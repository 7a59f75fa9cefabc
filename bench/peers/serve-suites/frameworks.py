"""Frameworks of PyPI against a server: texts, streams, tools whose results go back, forced calls, objects. Takes the
server's URL; its model `m` calls the tool where it is asked for the weather, and writes {"sum": 56} where it is asked
for JSON. Prints a line for each use and ends with 1 where one fails."""

import asyncio
import os
import sys

from pydantic import BaseModel

URL = sys.argv[1]
os.environ.update(OPENAI_API_KEY="none", ANTHROPIC_API_KEY="none", OPENAI_AGENTS_DISABLE_TRACING="1")
os.environ.update(LITELLM_LOCAL_MODEL_COST_MAP="True")
QUESTION = "What is the weather?"
ANSWER = "It is warm."
failed = []


class Sum(BaseModel):
    sum: int


def use(name, call, expected):
    """Calls and holds the result against what is expected: a value, or a check."""
    try:
        result = call()
        assert expected(result) if callable(expected) else expected == result, repr(result)[:300]
        print("passed", name)
    except Exception as error:  # whatever a framework throws is its verdict
        failed.append(name)
        print("failed", name, f"{type(error).__name__}: {error}"[:400].replace("\n", " "))


def langchain():
    from langchain_anthropic import ChatAnthropic
    from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
    from langchain_core.tools import tool
    from langchain_ollama import ChatOllama
    from langchain_openai import ChatOpenAI

    @tool
    def weather(city: str) -> str:
        """The weather of a city."""
        return "18 degrees"

    def conversation(model, is_streamed):
        bound = model.bind_tools([weather])
        asked = [HumanMessage(QUESTION)]
        call = sum_of(bound.stream(asked)) if is_streamed else bound.invoke(asked)
        assert call.tool_calls[0]["args"] == {"city": "Paris"}, call
        asked += [call, ToolMessage("18 degrees", tool_call_id=call.tool_calls[0]["id"])]
        asked += [bound.invoke(asked), HumanMessage("Sure?")]
        return bound.invoke(asked).text

    def sum_of(chunks):
        first, *others = chunks
        for chunk in others:
            first += chunk
        return first

    openai = {"model": "m", "base_url": f"{URL}/v1", "max_retries": 0}
    anthropic = {"model": "m", "base_url": URL, "max_retries": 0, "max_tokens": 500}
    thinks = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    effort = {"reasoning": {"effort": "low", "summary": "auto"}}
    models = {
        "ChatOpenAI": (ChatOpenAI(**openai), None),
        "ChatOpenAI, responses": (ChatOpenAI(**openai, use_responses_api=True, **effort), None),
        "ChatOpenAI, previous responses": (ChatOpenAI(**openai, use_previous_response_id=True), None),
        "ChatAnthropic": (ChatAnthropic(**anthropic, **thinks), ChatAnthropic(**anthropic)),
        "ChatOllama": (ChatOllama(model="m", base_url=URL, reasoning=True), None),
    }
    for name, (model, unthinking) in models.items():
        use(f"{name}: text", lambda: model.invoke([SystemMessage("Be kind."), HumanMessage("Hi")]).text, "Hello!")
        use(f"{name}: stream", lambda: sum_of(model.stream("Hi")).text, "Hello!")
        for is_streamed in (False, True):
            use(f"{name}: tools, streamed: {is_streamed}", lambda: conversation(model, is_streamed), ANSWER)
        free = unthinking or model
        json_schema = lambda: free.with_structured_output(Sum, method="json_schema").invoke("JSON")
        use(f"{name}: object by a schema", json_schema, Sum(sum=56))
        if name == "ChatOllama":  # its API has no way to force a call
            continue
        forced = lambda: free.bind_tools([weather], tool_choice="any").invoke("Go").tool_calls[0]["name"]
        use(f"{name}: forced call", forced, "weather")
        by_call = lambda: free.with_structured_output(Sum, method="function_calling").invoke("Go")
        use(f"{name}: object by a call", by_call, lambda made: isinstance(made, Sum))


def openai_agents():
    from agents import Agent, ModelSettings, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, function_tool
    from openai import AsyncOpenAI

    @function_tool
    def weather(city: str) -> str:
        """The weather of a city."""
        return "18 degrees"

    def agent(kind, **more):
        client = AsyncOpenAI(base_url=f"{URL}/v1", max_retries=0)
        settings = ModelSettings(parallel_tool_calls=False, metadata={"a": "b"}, store=True)
        return Agent(name="A", instructions="Be kind.", model=kind("m", client), model_settings=settings, **more)

    async def streamed(kind):
        run = Runner.run_streamed(agent(kind, tools=[weather]), QUESTION)
        async for _ in run.stream_events():
            pass
        return run.final_output

    async def again(kind, by_id):
        made = await Runner.run(agent(kind, tools=[weather]), QUESTION)
        if by_id:
            more = {"input": "Sure?", "previous_response_id": made.last_response_id}
        else:
            more = {"input": [*made.to_input_list(), {"role": "user", "content": "Sure?"}]}
        return (await Runner.run(agent(kind, tools=[weather]), **more)).final_output

    async def typed(kind):
        return (await Runner.run(agent(kind, output_type=Sum), "JSON")).final_output

    for kind in (OpenAIChatCompletionsModel, OpenAIResponsesModel):
        name = f"openai-agents, {kind.__name__}"
        use(f"{name}: stream", lambda: asyncio.run(streamed(kind)), ANSWER)
        use(f"{name}: the conversation goes on", lambda: asyncio.run(again(kind, False)), ANSWER)
        use(f"{name}: object", lambda: asyncio.run(typed(kind)), Sum(sum=56))
    goes_on = lambda: asyncio.run(again(OpenAIResponsesModel, True))
    use("openai-agents, OpenAIResponsesModel: goes on from a response", goes_on, ANSWER)


def litellm():
    import litellm as lite

    lite.suppress_debug_info = True
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}}
    tools = [{"type": "function", "function": {"name": "weather", "description": "?", "parameters": parameters}}]
    bases = {"openai": "/v1", "hosted_vllm": "/v1", "deepseek": "/beta", "anthropic": "", "ollama_chat": ""}

    def ask(name, content, **more):
        messages = content if isinstance(content, list) else [{"role": "user", "content": content}]
        base = f"{URL}{bases[name]}"
        given = {"api_key": "none", "num_retries": 0, "max_tokens": 200, "messages": messages, **more}
        return lite.completion(model=f"{name}/m", api_base=base, **given)

    def message(*args, **more):
        return ask(*args, **more).choices[0].message

    def conversation(name):
        asked = [{"role": "user", "content": QUESTION}]
        call = message(name, asked, tools=tools)
        result = {"role": "tool", "tool_call_id": call.tool_calls[0].id, "content": "18 degrees"}
        return message(name, [*asked, call.model_dump(), result], tools=tools).content

    def streamed(name):
        chunks = ask(name, "Hi", stream=True, stream_options={"include_usage": True})
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)

    for name in bases:
        both = lambda: (message(name, "Hi").content, message(name, "Hi").reasoning_content)
        use(f"litellm, {name}: text and thought", both, ("Hello!", "Hm."))
        use(f"litellm, {name}: stream", lambda: streamed(name), "Hello!")
        use(f"litellm, {name}: tools", lambda: conversation(name), ANSWER)
        content = lambda: message(name, "JSON", response_format=Sum).content
        use(f"litellm, {name}: object", content, lambda text: isinstance(Sum.model_validate_json(text), Sum))


def pydantic_ai():
    from pydantic_ai import Agent, NativeOutput
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
    from pydantic_ai.providers.anthropic import AnthropicProvider
    from pydantic_ai.providers.openai import OpenAIProvider

    openai = OpenAIProvider(base_url=f"{URL}/v1", api_key="none")
    anthropic = AnthropicProvider(base_url=URL, api_key="none")
    for model in (
        OpenAIChatModel("m", provider=openai),
        OpenAIResponsesModel("m", provider=openai),
        AnthropicModel("m", provider=anthropic),
    ):
        agent = Agent(model, system_prompt="Be kind.", retries=0)

        @agent.tool_plain
        def weather(city: str) -> str:
            """The weather of a city."""
            return "18 degrees"

        def conversation():
            made = agent.run_sync(QUESTION)
            return agent.run_sync("Sure?", message_history=made.all_messages()).output

        name = f"pydantic-ai, {type(model).__name__}"
        use(f"{name}: tools", conversation, ANSWER)
        by_call = lambda: Agent(model, output_type=Sum, retries=0).run_sync("Go").output
        use(f"{name}: object by a call", by_call, lambda made: isinstance(made, Sum))
        if not isinstance(model, AnthropicModel):  # it knows Anthropic's own models alone
            native = lambda: Agent(model, output_type=NativeOutput(Sum), retries=0).run_sync("JSON").output
            use(f"{name}: object by a schema", native, Sum(sum=56))


for part in (langchain, openai_agents, litellm, pydantic_ai):
    part()
sys.exit(1 if failed else 0)
