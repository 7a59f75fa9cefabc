"""What PEFT computes with LoRA adapters over the models of two cases: logits, gradients of A and B, 50 AdamW steps.

Writes adapters/<name>/: the adapter as `save_pretrained` writes it, and golden.safetensors, golden.json. Needs peft 0.21.
Everything in float32 on one thread; the sequences of the case go through the model one by one, as in reference.py.
"""

import json
import shutil
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from peft import __version__ as peft_version
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

HERE = Path(__file__).resolve().parent
STEPS, LEARNING_RATE = 50, 3e-3
CASES = {
    "qwen2-all-linear": ("qwen2-untied", dict(r=4, lora_alpha=8, target_modules="all-linear")),
    "qwen2-rslora-pattern": (
        "qwen2-untied",
        dict(r=3, lora_alpha=6, use_rslora=True, target_modules=r".*layers\.1\.(self_attn\.[qv]_proj|mlp\.down_proj)"),
    ),
    "deepseek-attention": (
        "deepseek-v3-q-lora-groups",
        dict(r=4, lora_alpha=4, target_modules=["q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj", "o_proj"]),
    ),
}


def sequences(golden):
    ids, targets, cu = (golden[key].long() for key in ("input_ids", "targets", "cu_seqlens"))
    return [(ids[a:b], targets[a:b]) for a, b in zip(cu[:-1], cu[1:])]


def forward(model, rows):
    logits = torch.cat([model(input_ids=ids.unsqueeze(0), use_cache=False).logits[0] for ids, _ in rows])
    targets = torch.cat([targets for _, targets in rows])
    return logits, torch.nn.functional.cross_entropy(logits, targets, ignore_index=-100)


def write(name, case, options):
    torch.manual_seed(sum(map(ord, name)))
    folder = HERE / "adapters" / name
    shutil.rmtree(folder, ignore_errors=True)
    base = AutoModelForCausalLM.from_pretrained(HERE / "cases" / case, dtype=torch.float32, attn_implementation="eager")
    base.config._experts_implementation = "eager"
    model = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", lora_dropout=0.0, **options))
    pairs = {n: p for n, p in model.named_parameters() if p.requires_grad}
    with torch.no_grad():
        for n, p in pairs.items():
            if "lora_B" in n:
                p.normal_(0, 0.2)
    model.peft_config["default"].base_model_name_or_path = f"tests/golden/cases/{case}"
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    rows = sequences(load_file(HERE / "cases" / case / "golden.safetensors"))
    logits, loss = forward(model, rows)
    loss.backward()
    grads = {f"grad.{n.replace('.default', '')}": p.grad.clone() for n, p in pairs.items()}
    save_file({"logits": logits.detach().contiguous(), **grads}, folder / "golden.safetensors")
    optimizer = torch.optim.AdamW(pairs.values(), lr=LEARNING_RATE, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.0)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        _, loss = forward(model, rows)
        loss.backward()
        losses.append(loss.item())
        optimizer.step()
    record = dict(case=case, loss=losses[0], learningRate=LEARNING_RATE, losses=losses, peft=peft_version)
    (folder / "golden.json").write_text(json.dumps(record, indent=2) + "\n")
    print(name, len(pairs), losses[0], losses[-1])


torch.set_num_threads(1)
for name, (case, options) in CASES.items():
    write(name, case, options)
