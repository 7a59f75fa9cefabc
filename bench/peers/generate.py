"""Peer: sampled tokens/s of transformers' generate() with its cache, at the DeepSeek shape of shapes.json (no MTP)."""

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
        **({"cache_implementation": "static"} if compiled else {}),
    )
    with torch.inference_mode():
        started = time.perf_counter()
        model.generate(prompts, max_new_tokens=shape["newTokens"] if compiled else 8, **settings)  # static: same length
        warmup = time.perf_counter() - started
        started = time.perf_counter()
        sequences = model.generate(prompts, max_new_tokens=shape["newTokens"], **settings)
        seconds = time.perf_counter() - started
    num_new = sequences.shape[1] - shape["promptTokens"]
    if num_new != shape["newTokens"]:
        raise RuntimeError(f"expected {shape['newTokens']} new tokens a row, got {num_new}")
    rate = shape["rows"] * num_new / seconds
    return {"tokensPerSecond": round(rate, 1), "seconds": round(seconds, 2), "warmupSeconds": round(warmup, 2)}


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
