"""Trains a tiny model for 200 steps and writes its start (safetensors), settings and loss curve (JSON) for our trainer.

Knows the training recipe of the curves and their files; the models come from curve_dense.py and curve_deepseek.py.
"""

import json
import math
import sys
import time
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from token_stream import TokenStream

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "golden" / "curves"
sys.path.insert(0, str(FOLDER.parent))
from reference import checkpoint_tensors, router_bias_tensors  # noqa: E402

SETTINGS = dict(
    steps=200,
    batchSize=8,
    sequenceLength=32,
    streamSeed=20250120,
    optimizer=dict(
        name="adamw",
        beta1=0.9,
        beta2=0.95,
        eps=1e-8,
        weightDecay=0.1,
        weightDecayOn="tensors of two or more dimensions",
    ),
    schedule=dict(
        peakLr=3e-3,
        warmupSteps=20,
        finalLr=3e-4,
        shape="linear from peak/warmup, then cosine; lr_t below with t = 0, 1, ...",
    ),
    gradientClipNorm=1.0,
)


def learning_rate(step):
    """peak (t+1)/W while t < W, then final + (peak - final)(1 + cos(pi (t - W)/(N - W)))/2."""
    s, n = SETTINGS["schedule"], SETTINGS["steps"]
    if step < s["warmupSteps"]:
        return s["peakLr"] * (step + 1) / s["warmupSteps"]
    progress = (step - s["warmupSteps"]) / (n - s["warmupSteps"])
    return s["finalLr"] + (s["peakLr"] - s["finalLr"]) * (1 + math.cos(math.pi * progress)) / 2


def make_optimizer(model):
    o = SETTINGS["optimizer"]
    matrices = [parameter for parameter in model.parameters() if parameter.ndim >= 2]
    vectors = [parameter for parameter in model.parameters() if parameter.ndim < 2]
    groups = [dict(params=matrices, weight_decay=o["weightDecay"]), dict(params=vectors, weight_decay=0.0)]
    return torch.optim.AdamW(groups, betas=(o["beta1"], o["beta2"]), eps=o["eps"], foreach=False)


def write_curve(name, model, config, losses_of, after_step=lambda: None, extra_settings=None):
    """Writes curves/<name>/{config.json, model.safetensors, curve.json}.

    `losses_of(ids, targets)` gives a dict whose "loss" is optimised; every entry is recorded per step, before the
    update.
    """
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    config.save_pretrained(folder)
    start = {**checkpoint_tensors(model, lambda parameter: parameter), **router_bias_tensors(model)}
    save_file(start, folder / "model.safetensors", metadata={"format": "pt"})

    stream = TokenStream(config.vocab_size, SETTINGS["streamSeed"])
    optimizer = make_optimizer(model)
    curves, norms, first_tokens = {}, [], None
    started = time.monotonic()
    for step in range(SETTINGS["steps"]):
        ids, targets = stream.batch(SETTINGS["batchSize"], SETTINGS["sequenceLength"])
        first_tokens = first_tokens or ids[0].tolist()
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step)
        optimizer.zero_grad(set_to_none=False)
        losses = losses_of(ids, targets)
        losses["loss"].backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), SETTINGS["gradientClipNorm"]).item())
        optimizer.step()
        after_step()
        for key, value in losses.items():
            curves.setdefault(key, []).append(float(f"{value.item():.7g}"))
    record = {
        "name": name,
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "settings": {**SETTINGS, **(extra_settings or {})},
        "stream": {"doc": "bench/peers/token_stream.py", "firstRow": first_tokens, "stateAfter": stream.state},
        "curves": {**curves, "gradNorm": [float(f"{norm:.7g}") for norm in norms]},
    }
    (folder / "curve.json").write_text(json.dumps(record) + "\n")
    loss = curves["loss"]
    print(f"{name}: loss {loss[0]:.4f} -> {loss[-1]:.4f} in {time.monotonic() - started:.1f} s, files in {folder}")
