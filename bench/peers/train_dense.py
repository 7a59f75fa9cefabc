"""Peer: training tokens/s and memory of transformers' Llama at the dense shape of shapes.json."""

from variants import SHAPES, run_variants


def next_token_loss(model, ids, targets):
    from torch.nn import functional as F

    logits = model(input_ids=ids, use_cache=False).logits
    loss = F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())
    return loss, loss


def prepare(precision, compiled):
    from training import TrainingRun
    from transformers import LlamaConfig, LlamaForCausalLM

    model = LlamaForCausalLM(LlamaConfig(**SHAPES["models"]["dense"], dtype="float32"))
    return TrainingRun(model, next_token_loss, precision, compiled)


VARIANTS = {
    "eager-f32": dict(precision="f32", compiled=False),
    "eager-bf16": dict(precision="bf16", compiled=False),
    "compile-f32": dict(precision="f32", compiled=True),
    "compile-bf16": dict(precision="bf16", compiled=True),
}

if __name__ == "__main__":
    run_variants(__file__, "train-dense", prepare, VARIANTS)
