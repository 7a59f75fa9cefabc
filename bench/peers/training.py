"""The training loop shared by the dense and the DeepSeek peer: timed AdamW steps on the shared token stream.

Knows no architecture: the caller passes the model and a loss function of (model, ids, targets).
"""

import statistics
import time
from contextlib import nullcontext

import torch
from token_stream import TokenStream
from variants import SHAPES


def num_parameters(model):
    return sum(parameter.numel() for parameter in model.parameters())


def make_optimizer(model):
    """Fused AdamW (PyTorch's fastest on CPU) with the shared settings; decay on every parameter."""
    o = SHAPES["optimizer"]
    settings = dict(lr=o["lr"], betas=(o["beta1"], o["beta2"]), eps=o["eps"], weight_decay=o["weightDecay"])
    return torch.optim.AdamW(model.parameters(), **settings, fused=True)


def measure_training(model, loss_of, precision, compiled):
    """Median and fastest tokens/s of whole steps (forward, backward, AdamW): at least three, then until maxSeconds."""
    shape = SHAPES["train"]
    stream = TokenStream(model.config.vocab_size, SHAPES["streamSeed"])
    optimizer = make_optimizer(model)
    autocast = torch.autocast("cpu", torch.bfloat16) if precision == "bf16" else nullcontext()
    step_loss = torch.compile(loss_of) if compiled else loss_of
    model.train()
    seconds, losses = [], []
    deadline = None
    for step in range(shape["warmupSteps"] + shape["maxSteps"]):
        ids, targets = stream.batch(shape["batchSize"], shape["sequenceLength"])
        started = time.perf_counter()
        with autocast:
            loss = step_loss(model, ids, targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        finished = time.perf_counter()
        losses.append(loss.item())
        if step < shape["warmupSteps"]:
            warmup_seconds, deadline = finished - started, finished + shape["maxSeconds"]
            continue
        seconds.append(finished - started)
        if len(seconds) >= 3 and finished > deadline:
            break
    tokens = shape["batchSize"] * shape["sequenceLength"]
    return {
        "tokensPerSecond": round(tokens / statistics.median(seconds), 1),
        "fastestTokensPerSecond": round(tokens / min(seconds), 1),
        "stepSeconds": [round(value, 3) for value in seconds],
        "firstStepSeconds": round(warmup_seconds, 2),
        "losses": [round(value, 5) for value in losses],
        "numParameters": num_parameters(model),
    }
