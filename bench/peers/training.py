"""The training step shared by the dense and the DeepSeek peer: forward, backward, clipping, AdamW, on the shared token
stream.

Knows no architecture: the caller passes the model and a function of (model, ids, targets) that gives (loss, next-token
cross-entropy).
"""

from contextlib import nullcontext

import torch
from token_stream import TokenStream
from variants import SHAPES, timed_step


def num_parameters(model):
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def make_optimizer(model):
    """Fused AdamW (PyTorch's fastest on CPU) with the shared settings; decay on every parameter."""
    o = SHAPES["optimizer"]
    settings = dict(lr=o["lr"], betas=(o["beta1"], o["beta2"]), eps=o["eps"], weight_decay=o["weightDecay"])
    return torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], **settings, fused=True)


class TrainingRun:
    """Whole optimiser steps of one model; the first ones take the compilation."""

    def __init__(self, model, losses_of, precision, compiled, shape=SHAPES["train"]):
        self.model = model.train()
        self.losses_of = torch.compile(losses_of) if compiled else losses_of
        self.precision = precision
        self.shape = shape
        self.optimizer = make_optimizer(model)
        self.stream = TokenStream(model.config.vocab_size, SHAPES["streamSeed"])
        self.facts = {"numParameters": num_parameters(model)}

    def step(self, is_warmup):
        rows, length = self.shape["batchSize"], self.shape["sequenceLength"]
        ids, targets = self.stream.batch(rows, length)
        return timed_step(lambda: self._optimise(ids, targets), rows * length)

    def _optimise(self, ids, targets):
        with torch.autocast("cpu", torch.bfloat16) if self.precision == "bf16" else nullcontext():
            loss, main = self.losses_of(self.model, ids, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), SHAPES["optimizer"]["maxNorm"])
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return {"loss": main.item()}
