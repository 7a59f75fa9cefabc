"""Loss curve of a tiny Llama over 200 steps: `python curve_dense.py` rewrites tests/golden/curves/dense."""

import torch
from curves import write_curve
from torch.nn import functional as F
from transformers import LlamaConfig, LlamaForCausalLM

if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        rms_norm_eps=1e-6,
        initializer_range=0.05,
        rope_parameters=dict(rope_type="default", rope_theta=10000.0),
        bos_token_id=0,
        eos_token_id=1,
        architectures=["LlamaForCausalLM"],
        dtype="float32",
    )
    config._attn_implementation = "eager"
    model = LlamaForCausalLM(config).train()

    def losses_of(ids, targets):
        logits = model(input_ids=ids, use_cache=False).logits
        return {"loss": F.cross_entropy(logits.flatten(0, 1), targets.flatten())}

    write_curve("dense", model, config, losses_of)
