"""The table of golden cases: a tiny configuration each, chosen so that one architectural choice shows.

Knows only Hugging Face configuration fields; building, running and writing are in make-golden.py.
"""

from transformers import (
    DeepseekV2Config,
    DeepseekV3Config,
    Gemma2Config,
    Gemma3TextConfig,
    LlamaConfig,
    MistralConfig,
    Qwen2Config,
    Qwen3Config,
    Qwen3MoeConfig,
    SmolLM3Config,
)

# Small enough for the repository, unequal wherever two sizes could be confused (nope 12, rope 8, v 10, kv latent 16).
COMMON = dict(
    vocab_size=64,
    hidden_size=32,
    intermediate_size=40,
    num_hidden_layers=2,
    num_attention_heads=4,
    max_position_embeddings=2560,
    rms_norm_eps=1e-6,
    bos_token_id=0,
    eos_token_id=1,
    dtype="float32",
)
MLA = dict(
    num_key_value_heads=4,
    kv_lora_rank=16,
    qk_nope_head_dim=12,
    qk_rope_head_dim=8,
    v_head_dim=10,
    first_k_dense_replace=1,
)
MOE = dict(moe_intermediate_size=8, n_routed_experts=8, n_shared_experts=1, num_experts_per_tok=3)
QWEN_MOE = dict(head_dim=10, moe_intermediate_size=8, num_experts=5, num_experts_per_tok=3)
PLAIN_ROPE = dict(rope_type="default", rope_theta=10000.0)


def yarn(mscale):
    # The original length of 64 puts both ends of the YaRN ramp inside the four frequencies that a rope width of 8 has.
    return dict(
        rope_type="yarn",
        rope_theta=10000.0,
        factor=40.0,
        original_max_position_embeddings=64,
        beta_fast=32.0,
        beta_slow=1.0,
        mscale=mscale,
        mscale_all_dim=mscale,
    )


def qwen_yarn(**factors):
    return dict(rope_type="yarn", rope_theta=10000.0, factor=4.0, original_max_position_embeddings=64, **factors)


def two_bases(full):
    """Gemma 3's rotary positions of full layers and of those that slide."""
    return dict(
        rope_parameters=dict(
            full_attention={"rope_type": "default", "rope_theta": 50000.0, **full},
            sliding_attention=dict(rope_type="default", rope_theta=100.0),
        )
    )


def v3(**changes):
    base = dict(q_lora_rank=None, n_group=1, topk_group=1, routed_scaling_factor=2.5, num_nextn_predict_layers=0)
    return DeepseekV3Config(**{**COMMON, **MLA, **MOE, **base, "rope_parameters": PLAIN_ROPE, **changes})


def v2(**changes):
    base = dict(q_lora_rank=None, norm_topk_prob=False, rope_parameters=PLAIN_ROPE)
    return DeepseekV2Config(**{**COMMON, **MLA, **MOE, **base, **changes})


def build_cases():
    """Case name -> (configuration, hidden source of its MTP module or None)."""
    gqa = dict(num_key_value_heads=2, rope_parameters=PLAIN_ROPE)
    # No padding token: transformers would give its embedding no gradient.
    gemma = dict(
        num_key_value_heads=2,
        head_dim=10,
        query_pre_attn_scalar=10,
        sliding_window=6,
        pad_token_id=None,
        final_logit_softcapping=2.0,
        tie_word_embeddings=True,
    )
    llama3 = dict(
        rope_type="llama3",
        rope_theta=10000.0,
        factor=8.0,
        low_freq_factor=1.0,
        high_freq_factor=4.0,
        original_max_position_embeddings=128,
    )
    # All settings of YaRN that a dense model must not pass over, and the one that is DeepSeek's alone.
    dense_yarn = {**yarn(None), "attention_factor": 0.8, "truncate": False, "mscale": None, "mscale_all_dim": 1.0}
    longrope = dict(
        rope_type="longrope",
        rope_theta=10000.0,
        factor=40.0,
        short_factor=[1.0, 1.5, 2.0, 3.0],
        long_factor=[8.0, 16.0, 24.0, 40.0],
        # llama.cpp takes the short factors for contexts up to here, and has none below 256.
        original_max_position_embeddings=256,
    )
    bare_yarn = {key: value for key, value in yarn(None).items() if not key.startswith("mscale")}
    return {
        "llama-longrope": (LlamaConfig(**{**COMMON, **gqa, "rope_parameters": longrope}), None),
        "qwen2-yarn": (Qwen2Config(**{**COMMON, **gqa, "rope_parameters": dense_yarn}), None),
        "deepseek-v3-yarn-bare": (v3(rope_parameters=bare_yarn), None),
        "llama-llama3-rope": (LlamaConfig(**{**COMMON, **gqa, "rope_parameters": llama3}), None),
        "llama-biases": (LlamaConfig(**COMMON, **gqa, attention_bias=True, mlp_bias=True, head_dim=6), None),
        "qwen2-untied": (Qwen2Config(**COMMON, **gqa, tie_word_embeddings=False), None),
        "qwen2-tied": (Qwen2Config(**COMMON, **gqa, tie_word_embeddings=True), None),
        # Windows shorter than two of the three sequences; heads of 10 where hidden / heads is 8.
        "qwen2-window": (
            Qwen2Config(
                **{**COMMON, "num_hidden_layers": 3},
                **gqa,
                use_sliding_window=True,
                sliding_window=5,
                max_window_layers=1,
            ),
            None,
        ),
        "mistral-window": (MistralConfig(**COMMON, **gqa, sliding_window=6, head_dim=10), None),
        "qwen3": (Qwen3Config(**COMMON, **gqa, head_dim=10), None),
        # As the configuration of DeepSeek-R1-0528-Qwen3-8B has it: transformers passes attn_factor over.
        "qwen3-yarn": (
            Qwen3Config(**{**COMMON, **gqa, "rope_parameters": qwen_yarn(attn_factor=0.8782488562869419)}, head_dim=8),
            None,
        ),
        # What llama.cpp computes from that model's GGUF files, which have the same number as rope.scaling.attn_factor.
        "qwen3-yarn-unscaled": (
            Qwen3Config(
                **{**COMMON, **gqa, "rope_parameters": qwen_yarn(attention_factor=1.0)},
                head_dim=8,
                tie_word_embeddings=True,
            ),
            None,
        ),
        "qwen3-window": (
            Qwen3Config(
                **{**COMMON, "num_hidden_layers": 3},
                **gqa,
                head_dim=10,
                attention_bias=True,
                use_sliding_window=True,
                sliding_window=5,
                layer_types=["sliding_attention", "full_attention", "sliding_attention"],
            ),
            None,
        ),
        "qwen3-moe": (Qwen3MoeConfig(**COMMON, **gqa, **QWEN_MOE, norm_topk_prob=True), None),
        "qwen3-moe-sparse-step": (
            Qwen3MoeConfig(
                **{**COMMON, "num_hidden_layers": 4},
                **gqa,
                **QWEN_MOE,
                norm_topk_prob=False,
                decoder_sparse_step=2,
                mlp_only_layers=[3],
                attention_bias=True,
                use_sliding_window=True,
                sliding_window=6,
            ),
            None,
        ),
        # Sliding and full layers in turn, caps that bite; then scores scaled by neither head size, untied, biases.
        "gemma2": (
            Gemma2Config(**{**COMMON, **gemma, "num_hidden_layers": 3}, attn_logit_softcapping=1.5),
            None,
        ),
        "gemma2-query-scale": (
            Gemma2Config(
                **{**COMMON, **gemma, "query_pre_attn_scalar": 3, "tie_word_embeddings": False},
                attn_logit_softcapping=2.5,
                attention_bias=True,
            ),
            None,
        ),
        # Five of six layers slide, with a base of their own; the sixth is scaled linearly in the second case.
        "gemma3": (Gemma3TextConfig(**{**COMMON, **gemma, "num_hidden_layers": 6}, **two_bases({})), None),
        "gemma3-linear": (
            Gemma3TextConfig(
                **{**COMMON, **gemma, "num_hidden_layers": 6, "final_logit_softcapping": None},
                **two_bases(dict(rope_type="linear", factor=8.0)),
            ),
            None,
        ),
        # No rotary positions in the last of four layers; with windows, it is one of the two that slide.
        "smollm3": (SmolLM3Config(**{**COMMON, "num_hidden_layers": 4}, **gqa, pad_token_id=None), None),
        "smollm3-window": (
            SmolLM3Config(
                **{**COMMON, "num_hidden_layers": 4},
                **gqa,
                pad_token_id=None,
                use_sliding_window=True,
                sliding_window=5,
                layer_types=["sliding_attention", "full_attention", "full_attention", "sliding_attention"],
                tie_word_embeddings=False,
            ),
            None,
        ),
        "deepseek-v3-q-lora-groups": (
            v3(q_lora_rank=14, n_routed_experts=16, num_experts_per_tok=4, n_group=4, topk_group=2),
            None,
        ),
        "deepseek-v3-q-proj": (v3(num_hidden_layers=3, n_shared_experts=2, n_routed_experts=6), None),
        "deepseek-v3-biases": (v3(q_lora_rank=14, rope_interleave=False, attention_bias=True), None),
        "deepseek-v3-yarn": (v3(q_lora_rank=14, rope_parameters=yarn(1.0)), None),
        "deepseek-v3-half-split-rope": (v3(rope_interleave=False), None),
        "deepseek-v2-greedy-yarn": (
            v2(topk_method="greedy", n_group=1, topk_group=1, rope_parameters=yarn(0.707)),
            None,
        ),
        "deepseek-v2-group-limited": (
            v2(topk_method="group_limited_greedy", n_group=4, topk_group=2, routed_scaling_factor=4.0, q_lora_rank=14),
            None,
        ),
        "deepseek-v3-mtp-pre-norm": (v3(num_nextn_predict_layers=1, n_routed_experts=5), "pre_norm"),
        "deepseek-v3-mtp-post-norm": (v3(num_nextn_predict_layers=1, n_routed_experts=5), "post_norm"),
    }
