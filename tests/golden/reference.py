"""Builds one tiny transformers model and computes what a golden case records: logits, loss, gradients, AdamW losses.

Knows nothing of files. Everything runs in float32 on one thread with eager attention and the eager expert loop;
each sequence of the packed batch goes through the model on its own, so no mask can leak between sequences.
"""

import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench" / "peers"))
from deepseek_mtp import IGNORE, DeepseekWithMtp, cross_entropy_sum  # noqa: E402

SEQUENCE_LENGTHS = (5, 9, 16)
MTP_LAMBDA = 0.3
ADAMW = dict(lr=1e-3, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
NUM_STEPS = 10


def build_model(config, hidden_source, generator):
    """The model of a case with every parameter and router bias drawn from `generator`."""
    config._attn_implementation = "eager"
    config._experts_implementation = "eager"
    model = AutoModelForCausalLM.from_config(config).float()
    if hidden_source is not None:
        model = DeepseekWithMtp(model, hidden_source)
    randomise(model, generator)
    return model.train()  # no dropout anywhere; train mode only documents the intent


@torch.no_grad()
def randomise(model, generator):
    """Weights ~ N(0, 1/fan_in), norms around 1 (Gemma stores them less 1), biases N(0, 0.3), router biases positive: large enough to matter.

    Positive router biases keep every choice score above 0, so filling dropped groups with 0 or -inf selects the same.
    """

    def normal(tensor, std, mean=0.0):
        tensor.copy_(mean + std * torch.randn(tensor.shape, generator=generator))

    norm_mean = 0.0 if type(model).__name__.startswith("Gemma") else 1.0
    for name, parameter in model.named_parameters():
        if "norm" in name:
            normal(parameter, 0.2, mean=norm_mean)
        elif name.endswith("bias"):
            normal(parameter, 0.3)
        elif "embed_tokens" in name:
            normal(parameter, 0.5)
        else:
            normal(parameter, parameter.shape[-1] ** -0.5)
    for name, buffer in model.named_buffers():
        if name.endswith("e_score_correction_bias"):
            buffer.copy_(0.05 + 0.4 * torch.rand(buffer.shape, generator=generator))


def draw_batch(vocab_size, generator):
    """Three sequences as (ids, targets) rows; the targets are the next ids, two of them masked with IGNORE."""
    batch = []
    for length in SEQUENCE_LENGTHS:
        stream = torch.randint(0, vocab_size, (length + 1,), generator=generator)
        batch.append((stream[:-1].clone(), stream[1:].clone()))
    batch[1][1][:2] = IGNORE
    return batch


def forward_batch(model, batch):
    """Packed logits and the losses {loss, mainLoss, mtpLoss?}, each a mean over the tokens that count."""
    logits, mtp_logits = [], []
    for ids, _targets in batch:
        if isinstance(model, DeepseekWithMtp):
            main, ahead = model(ids.unsqueeze(0))
            mtp_logits.append(ahead[0])
        else:
            main = model(input_ids=ids.unsqueeze(0), use_cache=False).logits
        logits.append(main[0])
    outputs = {"logits": torch.cat(logits)}
    total, count = cross_entropy_sum(outputs["logits"], torch.cat([targets for _ids, targets in batch]))
    losses = {"loss": total / count, "mainLoss": total / count}
    if mtp_logits:
        outputs["mtp_logits"] = torch.cat(mtp_logits)
        total, count = cross_entropy_sum(outputs["mtp_logits"], torch.cat([targets[1:] for _ids, targets in batch]))
        losses["mtpLoss"] = total / count
        losses["loss"] = losses["mainLoss"] + MTP_LAMBDA * losses["mtpLoss"]
    return outputs, losses


def checkpoint_tensors(model, pick):
    """{on-disk name: tensor} of `pick(parameter)`, stacked experts split into the per-expert names of the
    checkpoint.
    """
    tensors = {}
    for name, parameter in model.named_parameters():
        value = pick(parameter)
        if isinstance(model, DeepseekWithMtp):
            owner, _, rest = name.partition(".")
            name = model.mtp.checkpoint_name(rest) if owner == "mtp" else rest
        if name.endswith("mlp.experts.gate_up_proj"):
            prefix = name.removesuffix("gate_up_proj")
            for expert, rows in enumerate(value):
                gate, up = rows.chunk(2, dim=0)
                tensors[f"{prefix}{expert}.gate_proj.weight"] = gate
                tensors[f"{prefix}{expert}.up_proj.weight"] = up
        elif name.endswith("mlp.experts.down_proj"):
            prefix = name.removesuffix("down_proj")
            for expert, rows in enumerate(value):
                tensors[f"{prefix}{expert}.down_proj.weight"] = rows
        else:
            tensors[name] = value
    return {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}


def router_bias_tensors(model):
    """{on-disk name: router bias}; buffers, so no gradient and no optimiser step touches them."""
    tensors = {}
    for name, buffer in model.named_buffers():
        if name.endswith("e_score_correction_bias"):
            if isinstance(model, DeepseekWithMtp):
                owner, _, rest = name.partition(".")
                name = model.mtp.checkpoint_name(rest) if owner == "mtp" else rest
            tensors[name] = buffer.clone()
    return tensors


class RoutingMargin:
    """Watches every router and keeps the smallest gap by which an expert or a group was chosen.

    A case is only usable if no gap is so small that another float32 summation order would route differently.
    """

    def __init__(self, model):
        self.smallest = float("inf")
        self.lowest_kept_choice = float("inf")
        for module in model.modules():
            if type(module).__name__.lower().endswith("topkrouter"):
                module.register_forward_hook(self._watch)

    @torch.no_grad()
    def _watch(self, router, _args, output):
        logits, _weights, indices = output
        if hasattr(router, "e_score_correction_bias"):
            choice = logits.sigmoid() + router.e_score_correction_bias
            in_group = lambda grouped: grouped.topk(2, dim=-1)[0].sum(-1)  # noqa: E731
            grouped_routing = router.num_group > 1
        else:
            choice = logits.softmax(-1)
            in_group = lambda grouped: grouped.max(-1)[0]  # noqa: E731
            grouped_routing = getattr(router, "topk_method", "greedy") == "group_limited_greedy"
        if grouped_routing:
            scores = in_group(choice.view(len(choice), router.num_group, -1))
            self._gap(scores, router.topk_group)
            kept = torch.zeros_like(scores).scatter_(1, scores.topk(router.topk_group)[1], 1).bool()
            choice = choice.masked_fill(~kept.repeat_interleave(choice.shape[1] // router.num_group, 1), float("-inf"))
        self._gap(choice, router.top_k)
        self.lowest_kept_choice = min(self.lowest_kept_choice, choice.gather(1, indices).min().item())

    def _gap(self, scores, k):
        ordered = scores.sort(dim=-1, descending=True)[0]
        if k < ordered.shape[-1]:
            self.smallest = min(self.smallest, (ordered[:, k - 1] - ordered[:, k]).min().item())


def adamw_losses(model, batch):
    """Losses before each of NUM_STEPS AdamW updates, and the loss after the last; weight decay on every parameter."""
    optimiser = torch.optim.AdamW(model.parameters(), **ADAMW, foreach=False)
    losses = []
    for _step in range(NUM_STEPS):
        optimiser.zero_grad(set_to_none=False)
        loss = forward_batch(model, batch)[1]["loss"]
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    with torch.no_grad():
        return losses, forward_batch(model, batch)[1]["loss"].item()
