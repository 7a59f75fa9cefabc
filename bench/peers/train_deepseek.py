"""Peer: training tokens/s and memory of transformers' DeepseekV3 with our MTP module, at the DeepSeek shape of
shapes.json.
"""

from variants import SHAPES, run_variants


def build_deepseek(experts, with_mtp):
    """The model in float32. `experts` is transformers' experts implementation: "grouped_mm" (its default) or "eager"."""
    from deepseek_mtp import DeepseekWithMtp
    from transformers import DeepseekV3Config, DeepseekV3ForCausalLM

    config = DeepseekV3Config(**SHAPES["models"]["deepseek"], dtype="float32")
    config._experts_implementation = experts
    model = DeepseekV3ForCausalLM(config)
    if not with_mtp:
        return model
    combined = DeepseekWithMtp(model, "post_norm")
    combined.mtp.apply(model._init_weights)
    combined.config = config
    return combined


def losses_with_mtp(model, ids, targets):
    """Next-token cross-entropy plus lambda times that of the token after it, and the former alone."""
    from torch.nn import functional as F

    logits, ahead = model(ids)
    main = F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())
    mtp = F.cross_entropy(ahead.flatten(0, 1).float(), targets[:, 1:].flatten())
    return main + SHAPES["train"]["mtpLambda"] * mtp, main


def prepare(precision, compiled, experts):
    from training import TrainingRun

    return TrainingRun(build_deepseek(experts, with_mtp=True), losses_with_mtp, precision, compiled)


VARIANTS = {
    "eager-f32": dict(precision="f32", compiled=False, experts="grouped_mm"),
    "eager-bf16": dict(precision="bf16", compiled=False, experts="grouped_mm"),
    "eager-f32-expert-loop": dict(precision="f32", compiled=False, experts="eager"),
    "eager-bf16-expert-loop": dict(precision="bf16", compiled=False, experts="eager"),
    "compile-f32": dict(precision="f32", compiled=True, experts="grouped_mm"),
    "compile-bf16": dict(precision="bf16", compiled=True, experts="grouped_mm"),
}

if __name__ == "__main__":
    run_variants(__file__, "train-deepseek", prepare, VARIANTS)
