"""Peer: sampled tokens/s of transformers' generate() with its cache, at the DeepSeek shape of shapes.json (no MTP).

A slow machine stops at maxSeconds: `newTokensPerRow` then says how far it came, which flatters the peer (short cache).
"""

import time

from variants import SHAPES, run_variants


def measure(precision, compiled, experts):
    import torch
    from token_stream import TokenStream
    from train_deepseek import build_deepseek

    shape = SHAPES["generate"]
    model = build_deepseek(experts, with_mtp=False).eval()
    if precision == "bf16":
        model = model.to(torch.bfloat16)
    if compiled:
        model.forward = torch.compile(model.forward)
    prompts, _ = TokenStream(model.config.vocab_size, SHAPES["streamSeed"]).batch(shape["rows"], shape["promptTokens"])
    settings = dict(
        do_sample=True,
        temperature=shape["temperature"],
        top_p=shape["topP"],
        top_k=shape["topK"],
        attention_mask=torch.ones_like(prompts),
        eos_token_id=None,
        pad_token_id=0,
        max_new_tokens=shape["newTokens"],
        **({"cache_implementation": "static"} if compiled else {}),
    )
    with torch.inference_mode():
        warmup, _ = timed(lambda: model.generate(prompts, max_time=2.0, **settings))
        seconds, sequences = timed(lambda: model.generate(prompts, max_time=shape["maxSeconds"], **settings))
    num_new = sequences.shape[1] - shape["promptTokens"]
    return {
        "tokensPerSecond": round(shape["rows"] * num_new / seconds, 1),
        "newTokensPerRow": num_new,
        "seconds": round(seconds, 2),
        "warmupSeconds": round(warmup, 2),
    }


def timed(run):
    started = time.perf_counter()
    result = run()
    return time.perf_counter() - started, result


VARIANTS = {
    "eager-f32": dict(precision="f32", compiled=False, experts="grouped_mm"),
    "eager-bf16": dict(precision="bf16", compiled=False, experts="grouped_mm"),
    "eager-f32-expert-loop": dict(precision="f32", compiled=False, experts="eager"),
    "eager-f32-batched-experts": dict(precision="f32", compiled=False, experts="batched_mm"),
    "compile-f32": dict(precision="f32", compiled=True, experts="grouped_mm"),
    "compile-bf16": dict(precision="bf16", compiled=True, experts="grouped_mm"),
}

if __name__ == "__main__":
    run_variants(__file__, "generate-deepseek", measure, VARIANTS)
