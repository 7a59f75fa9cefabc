"""Holds what tuned.mjs wrote of a released model to peft and PyTorch, over the same GGUF file decoded by transformers.

    python tuned.py answers FILE.gguf ADAPTER ANSWERS.json     the adapter loads; log-probabilities of its answers
    python tuned.py curve FILE.gguf FOLDER                     50 steps from the same adapter on the same batches

Everything in float32. Exits with 1 where a log-probability is further away than 1e-3, or a loss.
"""

import json
import sys
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

LIMIT = 1e-3


def load(gguf, adapter, trains=False):
    """The model with the adapter; every tensor of either has its place in the other."""
    path = Path(gguf).resolve()
    base = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    base.config.use_cache = False
    model = PeftModel.from_pretrained(base, adapter, is_trainable=trains)
    names = {name for name, _ in model.named_parameters() if "lora_" in name}
    print(f"peft holds {len(names)} tensors of the adapter, rank {model.peft_config['default'].r}")
    return model


def log_probs(model, ids, begin):
    """Log-probabilities of the tokens from `begin` on, and whether each is the likeliest."""
    row = torch.tensor([ids])
    logits = model(input_ids=row[:, :-1]).logits[0, begin - 1 :].log_softmax(-1)
    targets = row[0, begin:]
    return logits.gather(1, targets[:, None])[:, 0], logits.argmax(-1) == targets


def answers(gguf, adapter, file):
    model = load(gguf, adapter).eval()
    furthest, likeliest, count = 0.0, 0, 0
    for answer in json.loads(Path(file).read_text())["answers"]:
        with torch.no_grad():
            theirs, is_likeliest = log_probs(model, answer["ids"], answer["promptLength"])
        furthest = max(furthest, (theirs - torch.tensor(answer["logProbs"])).abs().max().item())
        likeliest += int(is_likeliest.sum())
        count += len(theirs)
    print(f"{likeliest} of {count} greedy tokens are peft's likeliest; largest difference of a log-probability {furthest:.1e}")
    return furthest


def curve(gguf, folder):
    folder = Path(folder)
    run = json.loads((folder / "batches.json").read_text())
    model = load(gguf, folder / "adapter", trains=True).train()
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        weights, lr=run["learningRate"], betas=(run["beta1"], run["beta2"]), eps=run["eps"], weight_decay=0.0
    )
    losses = []
    for batch in run["batches"]:
        targets = sum(len(s["ids"]) - s["learnFrom"] for s in batch)
        loss = 0.0
        for sequence in batch:
            part = -log_probs(model, sequence["ids"], sequence["learnFrom"])[0].sum() / targets
            part.backward()
            loss += part.item()
        torch.nn.utils.clip_grad_norm_(weights, run["maxNorm"])
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss)
    (folder / "losses-peft.json").write_text(json.dumps(losses))
    print(f"peft: loss {losses[0]:.4f} at the first step, {losses[-1]:.4f} at the last")
    furthest = {}
    for file in sorted(folder.glob("losses-*.json")):
        if file.name == "losses-peft.json":
            continue
        furthest[file.stem] = max(abs(a - b) for a, b in zip(json.loads(file.read_text()), losses, strict=True))
        print(f"{file.stem}: largest difference {furthest[file.stem]:.1e}")
    return furthest.get("losses-f32", 0.0)


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    sys.exit(0 if {"answers": answers, "curve": curve}[what](*rest) < LIMIT else 1)
