"""Peer: training tokens/s and memory of a LoRA adapter (peft) over transformers' Llama at the smollm2 shape of
shapes.json. The base is random and frozen.
"""

from train_dense import next_token_loss
from variants import SHAPES, run_variants


def adapted(dtype, adapter_in_f32):
    """The base in `dtype` with an adapter over all projections; peft keeps adapters in f32 unless told otherwise."""
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    base = LlamaForCausalLM(LlamaConfig(**SHAPES["models"]["smollm2"], dtype="float32")).to(dtype)
    lora = SHAPES["lora"]
    config = LoraConfig(task_type="CAUSAL_LM", r=lora["rank"], lora_alpha=lora["alpha"], target_modules="all-linear")
    return get_peft_model(base, config, autocast_adapter_dtype=adapter_in_f32)


def prepare(precision, compiled, autocast=True, adapter_in_f32=True):
    import torch
    from training import TrainingRun

    model = adapted(torch.float32 if precision == "f32" else torch.bfloat16, adapter_in_f32)
    run_precision = precision if autocast else "as it is"
    return TrainingRun(model, next_token_loss, run_precision, compiled, SHAPES["lora"])


VARIANTS = {
    "eager-f32": dict(precision="f32", compiled=False),
    "eager-bf16": dict(precision="bf16", compiled=False),
    "eager-bf16-adapter": dict(precision="bf16", compiled=False, autocast=False, adapter_in_f32=False),
    "compile-f32": dict(precision="f32", compiled=True),
    "compile-bf16": dict(precision="bf16", compiled=True),
}

if __name__ == "__main__":
    run_variants(__file__, "train-lora", prepare, VARIANTS)
