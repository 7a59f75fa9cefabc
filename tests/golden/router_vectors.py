"""Router and balance-loss vectors, without a model around them: small inputs, outputs and gradients.

The router outputs come from transformers' own router modules; the sequence-wise balance loss is written here from
DeepSeek-V3 (arXiv 2412.19437, equations 17-20), since transformers does not compute it.
"""

import json

import torch
from safetensors.torch import save_file
from transformers import DeepseekV3Config
from transformers.models.deepseek_v3.modeling_deepseek_v3 import DeepseekV3TopkRouter

BALANCE_ALPHA = 1e-2


def sequence_balance_loss(logits, cu_seqlens, top_k, alpha):
    """alpha * mean over sequences of sum_i f_i P_i.

    f_i = E / (K T) * (tokens of the sequence that have expert i among the top K of their *raw* sigmoid scores), which
    carries no gradient; P_i = mean over the sequence of s_i / sum_j s_j. Neither bias nor groups take part.
    """
    num_experts = logits.shape[-1]
    terms = []
    for begin, end in zip(cu_seqlens[:-1], cu_seqlens[1:], strict=True):
        scores = logits[begin:end].sigmoid()
        chosen = torch.zeros_like(scores).scatter_(1, scores.topk(top_k, dim=-1)[1], 1.0)
        frequency = chosen.sum(0).detach() * num_experts / (top_k * len(scores))
        probability = (scores / scores.sum(-1, keepdim=True)).mean(0)
        terms.append((frequency * probability).sum())
    return alpha * torch.stack(terms).mean()


def write_balance_loss(folder, generator):
    cu_seqlens = [0, 7, 12, 24]
    logits = (1.5 * torch.randn(24, 16, generator=generator)).requires_grad_()
    loss = sequence_balance_loss(logits, cu_seqlens, top_k=4, alpha=BALANCE_ALPHA)
    loss.backward()
    tensors = {"logits": logits.detach(), "cu_seqlens": torch.tensor(cu_seqlens).int(), "grad_logits": logits.grad}
    save_file(tensors, folder / "balance-loss.safetensors")
    settings = {
        "alpha": BALANCE_ALPHA,
        "topK": 4,
        "numExperts": 16,
        "loss": loss.item(),
        "reduction": "mean over sequences",
    }
    (folder / "balance-loss.json").write_text(json.dumps(settings, indent=2) + "\n")


def write_negative_bias_router(folder, generator):
    """A V3 router whose biases push every choice score below 0: filling dropped groups with 0 would select them."""
    config = DeepseekV3Config(hidden_size=12, n_routed_experts=16, num_experts_per_tok=4, n_group=4, topk_group=2)
    router = DeepseekV3TopkRouter(config)
    with torch.no_grad():
        router.weight.copy_(torch.randn(router.weight.shape, generator=generator) * 12**-0.5)
        router.e_score_correction_bias.copy_(-1.5 + 0.4 * torch.rand(16, generator=generator))
    hidden = torch.randn(20, 12, generator=generator).requires_grad_()
    logits, weights, indices = router(hidden)
    order = indices.argsort(dim=-1)
    weights, indices = weights.gather(1, order), indices.gather(1, order)
    grad_weights = torch.randn(weights.shape, generator=generator)
    weights.backward(grad_weights)
    tensors = {
        "hidden": hidden.detach(),
        "weight": router.weight.detach(),
        "e_score_correction_bias": router.e_score_correction_bias,
        "logits": logits.detach(),
        "topk_indices": indices.int(),
        "topk_weights": weights.detach(),
        "grad_topk_weights": grad_weights,
        "grad_hidden": hidden.grad,
        "grad_weight": router.weight.grad,
    }
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "negative-bias.safetensors")
    settings = {
        "nGroup": 4,
        "topkGroup": 2,
        "topK": 4,
        "normTopkProb": True,
        "routedScalingFactor": 2.5,
        "slots": "sorted by expert index",
    }
    (folder / "negative-bias.json").write_text(json.dumps(settings, indent=2) + "\n")


def write_router_vectors(folder):
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(2412_19437)
    write_balance_loss(folder, generator)
    write_negative_bias_router(folder, generator)
    print(f"router vectors: {sum(file.stat().st_size for file in folder.iterdir()) / 1024:.0f} KiB")
