"""Writes rope.json: what transformers makes of many rotary settings. Run `python rope_vectors.py` in the environment of
requirements.txt.

A row holds a config.json, and from the rotary embedding of its model inverse frequencies and the factor on cos and sin,
once for a short
sequence and, where that differs, for one longer than the original length; from its first attention layer the scale of
the softmax over
1/sqrt(width).
"""

import copy
import json
import tempfile
from pathlib import Path

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM

SIZES = dict(
    vocab_size=16,
    hidden_size=64,
    intermediate_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    max_position_embeddings=8192,
)
LATENT = dict(
    kv_lora_rank=8,
    q_lora_rank=None,
    qk_nope_head_dim=8,
    qk_rope_head_dim=32,
    v_head_dim=8,
    num_key_value_heads=2,
    moe_intermediate_size=8,
    n_routed_experts=2,
    n_shared_experts=1,
    num_experts_per_tok=1,
    n_group=1,
    topk_group=1,
    first_k_dense_replace=1,
)
YARN = dict(type="yarn", factor=4.0, original_max_position_embeddings=2048)
LLAMA3 = dict(
    rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=1024
)
SHORT = [1.0 + 0.01 * i for i in range(16)]
LONG = [1.0 + 0.25 * i * i for i in range(16)]
LONGROPE = dict(rope_type="longrope", short_factor=SHORT, long_factor=LONG, original_max_position_embeddings=2048)

SETTINGS = {
    "none": {},
    "base of its own": dict(rope_theta=500000.0),
    "null": dict(rope_scaling=None),
    "default with a base inside": dict(rope_parameters=dict(rope_type="default", rope_theta=20000.0)),
    "base inside wins over one beside": dict(
        rope_theta=500000.0, rope_parameters=dict(rope_type="default", rope_theta=20000.0)
    ),
    "linear": dict(rope_scaling=dict(type="linear", factor=4.0)),
    "linear, mscale_all_dim": dict(rope_scaling=dict(type="linear", factor=4.0, mscale_all_dim=1.0)),
    "dynamic": dict(rope_scaling=dict(type="dynamic", factor=2.0)),
    "llama3": dict(rope_theta=500000.0, rope_scaling=LLAMA3),
    "llama3, length beside": dict(rope_theta=500000.0, original_max_position_embeddings=512, rope_scaling=LLAMA3),
    "yarn": dict(rope_scaling=YARN),
    "yarn in the new spelling": dict(
        rope_parameters=dict(rope_type="yarn", rope_theta=20000.0, factor=4.0, original_max_position_embeddings=2048)
    ),
    "yarn, attention_factor": dict(rope_scaling=dict(YARN, attention_factor=0.9)),
    "yarn, attn_factor": dict(rope_theta=1000000.0, rope_scaling=dict(YARN, attn_factor=0.8782488562869419)),
    "yarn, truncate false": dict(rope_scaling=dict(YARN, truncate=False)),
    "yarn, betas": dict(rope_scaling=dict(YARN, beta_fast=16, beta_slow=2)),
    "yarn, mscale": dict(rope_scaling=dict(YARN, mscale=0.7)),
    "yarn, mscale_all_dim": dict(rope_scaling=dict(YARN, mscale_all_dim=1.0)),
    "yarn, both mscales": dict(rope_scaling=dict(YARN, mscale=1.0, mscale_all_dim=0.5)),
    "yarn, both mscales and attention_factor": dict(
        rope_scaling=dict(YARN, mscale=1.0, mscale_all_dim=1.0, attention_factor=1.1)
    ),
    "yarn, nulls": dict(
        rope_scaling=dict(YARN, attention_factor=None, mscale=None, mscale_all_dim=None, beta_fast=None, beta_slow=None)
    ),
    "yarn, length left out": dict(rope_scaling=dict(type="yarn", factor=4.0)),
    "yarn, length beside": dict(original_max_position_embeddings=1024, rope_scaling=YARN),
    "yarn that stretches nothing": dict(rope_scaling=dict(YARN, factor=1.0)),
    "longrope": dict(rope_scaling=LONGROPE),
    "longrope, factor": dict(rope_scaling=dict(LONGROPE, factor=16.0)),
    "longrope, attention_factor": dict(rope_scaling=dict(LONGROPE, attention_factor=1.25)),
}
# transformers computes no softmax scale for these (it needs a factor, which they may leave out).
DENSE_ONLY = {"longrope"}
FAMILIES = {
    "llama": {},
    "qwen2": dict(num_key_value_heads=2),
    "deepseek_v3": dict(LATENT, num_nextn_predict_layers=0),
    "deepseek_v2": dict(LATENT),
}


def vectors(raw):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(raw))
        config = AutoConfig.from_pretrained(folder)
    model = AutoModelForCausalLM.from_config(config)
    rotary, attention = model.model.rotary_emb, model.model.layers[0].self_attn
    width = attention.head_dim if hasattr(attention, "head_dim") else attention.qk_head_dim
    row = dict(softmax=attention.scaling * width**0.5, **at_length(rotary, 8))
    if config.rope_parameters["rope_type"] == "longrope":
        row["long"] = at_length(rotary, 4096)
    return row


def at_length(rotary, length):
    rotary(torch.zeros(1), torch.arange(length)[None])
    return dict(invFreq=[float(f"{x:.9g}") for x in rotary.inv_freq.tolist()], factor=float(rotary.attention_scaling))


def main():
    rows = []
    for family, sizes in FAMILIES.items():
        for name, settings in SETTINGS.items():
            if name in DENSE_ONLY and family.startswith("deepseek"):
                continue
            raw = dict(model_type=family, **SIZES, **sizes, **copy.deepcopy(settings))
            rows.append(dict(name=f"{family}: {name}", config=raw, **vectors(copy.deepcopy(raw))))
    text = ",\n".join(json.dumps(row) for row in rows)
    (Path(__file__).parent / "rope.json").write_text(
        f'{{"transformers": "{transformers.__version__}", "rows": [\n{text}\n]}}\n'
    )


if __name__ == "__main__":
    main()
