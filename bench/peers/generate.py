"""Peer: sampled tokens/s of transformers' generate() with its cache, at the DeepSeek shape of shapes.json (no MTP).

A slow machine stops at maxSeconds: `newTokensPerRow` then says how far it came, which flatters the peer (short cache).
"""

from variants import SHAPES, run_variants, timed_step

WARMUP_SECONDS = 2.0


class GenerationRun:
    """A step is one call of generate() for all rows."""

    def __init__(self, precision, compiled, experts):
        import torch
        from token_stream import TokenStream
        from train_deepseek import build_deepseek

        shape = SHAPES["generate"]
        self.model = build_deepseek(experts, with_mtp=False).eval()
        if precision == "bf16":
            self.model = self.model.to(torch.bfloat16)
        if compiled:
            self.model.forward = torch.compile(self.model.forward)
        # The prompts are the `promptTokens` tokens of each row that ours are given too.
        self.prompts, _ = TokenStream(self.model.config.vocab_size, SHAPES["streamSeed"]).batch(
            shape["rows"], shape["promptTokens"]
        )
        self.settings = dict(
            do_sample=True,
            temperature=shape["temperature"],
            top_p=shape["topP"],
            top_k=shape["topK"],
            attention_mask=torch.ones_like(self.prompts),
            eos_token_id=None,
            pad_token_id=0,
            max_new_tokens=shape["newTokens"],
            **({"cache_implementation": "static"} if compiled else {}),
        )
        self.facts = {"numParameters": sum(parameter.numel() for parameter in self.model.parameters())}

    def step(self, is_warmup):
        result = timed_step(
            lambda: self._generate(WARMUP_SECONDS if is_warmup else SHAPES["generate"]["maxSeconds"]), 0
        )
        return {**result, "tokens": self.prompts.shape[0] * result["newTokensPerRow"]}

    def _generate(self, max_seconds):
        import torch

        with torch.inference_mode():
            sequences = self.model.generate(self.prompts, max_time=max_seconds, **self.settings)
        return {"newTokensPerRow": sequences.shape[1] - self.prompts.shape[1]}


VARIANTS = {
    "eager-f32": dict(precision="f32", compiled=False, experts="grouped_mm"),
    "eager-bf16": dict(precision="bf16", compiled=False, experts="grouped_mm"),
    "eager-f32-expert-loop": dict(precision="f32", compiled=False, experts="eager"),
    "eager-f32-batched-experts": dict(precision="f32", compiled=False, experts="batched_mm"),
    "compile-f32": dict(precision="f32", compiled=True, experts="grouped_mm"),
    "compile-bf16": dict(precision="bf16", compiled=True, experts="grouped_mm"),
}

if __name__ == "__main__":
    run_variants(__file__, "generate-deepseek", GenerationRun, VARIANTS)
