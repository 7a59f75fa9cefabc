"""Writes the golden files: run `python make-golden.py [case ...]` in an environment built from requirements.txt.

Knows how a case is stored and checked (README.md describes the files); the numbers come from reference.py, the
configurations from cases.py, the router and balance-loss vectors from router_vectors.py.
"""

import json
import platform
import shutil
import sys
import zlib
from pathlib import Path

import torch
import transformers
from cases import build_cases
from deepseek_mtp_check import assert_matches_transformers_mtp
from reference import (
    ADAMW,
    MTP_LAMBDA,
    DeepseekWithMtp,
    RoutingMargin,
    adamw_losses,
    build_model,
    checkpoint_tensors,
    draw_batch,
    forward_batch,
    router_bias_tensors,
)
from router_vectors import write_router_vectors
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

HERE = Path(__file__).resolve().parent
SMALLEST_ROUTING_MARGIN = 4e-4
MAX_SEED_TRIES = 200


def find_seed(name, config, hidden_source):
    """The first seed whose routing keeps a safe margin through all ten AdamW steps."""
    base = zlib.crc32(name.encode()) % 100_000
    for seed in range(base, base + MAX_SEED_TRIES):
        generator = torch.Generator().manual_seed(seed)
        model = build_model(config, hidden_source, generator)
        margin = RoutingMargin(model)
        adamw_losses(model, draw_batch(config.vocab_size, generator))
        if margin.smallest >= SMALLEST_ROUTING_MARGIN:
            return seed, margin
    raise RuntimeError(f"{name}: no seed in {MAX_SEED_TRIES} keeps a routing margin of {SMALLEST_ROUTING_MARGIN}")


def save_model(model, folder):
    """transformers' own save_pretrained; for an MTP case its tensors join the same file under model.layers.N."""
    main = model.main if isinstance(model, DeepseekWithMtp) else model
    main.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    path = folder / "model.safetensors"
    stored = load_file(path)
    ours = {**checkpoint_tensors(model, lambda parameter: parameter), **router_bias_tensors(model)}
    if main is not model:
        stored |= {name: tensor for name, tensor in ours.items() if name not in stored}
        save_file(stored, path, metadata={"format": "pt"})
    mismatch = set(stored) ^ set(ours) | {name for name in ours if not torch.equal(stored[name], ours[name])}
    if mismatch:
        raise RuntimeError(f"{folder.name}: our names or values differ from the saved file: {sorted(mismatch)[:5]}")


def assert_reload_agrees(folder, model, batch):
    """The saved folder, loaded by transformers, must give the very logits we are about to record."""
    reloaded = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", experts_implementation="eager")
    main = model.main if isinstance(model, DeepseekWithMtp) else model
    for ids, _targets in batch:
        if not torch.equal(reloaded(input_ids=ids[None]).logits, main(input_ids=ids[None]).logits):
            raise RuntimeError(f"{folder.name}: the reloaded model's logits differ")


def write_case(name, config, hidden_source):
    seed, margin = find_seed(name, config, hidden_source)
    generator = torch.Generator().manual_seed(seed)
    model = build_model(config, hidden_source, generator)
    batch = draw_batch(config.vocab_size, generator)
    folder = HERE / "cases" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    save_model(model, folder)
    assert_reload_agrees(folder, model, batch)
    if hidden_source is not None:
        assert_matches_transformers_mtp(model, batch)

    outputs, losses = forward_batch(model, batch)
    losses["loss"].backward()
    zero_if_unused = lambda parameter: (
        torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
    )  # noqa: E731
    lengths = torch.tensor([0] + [len(ids) for ids, _targets in batch])
    tensors = {
        "input_ids": torch.cat([ids for ids, _targets in batch]).int(),
        "targets": torch.cat([targets for _ids, targets in batch]).int(),
        "cu_seqlens": lengths.cumsum(0).int(),
        **{key: value.detach().contiguous() for key, value in outputs.items()},
        **{f"grad.{key}": value for key, value in checkpoint_tensors(model, zero_if_unused).items()},
    }
    save_file(tensors, folder / "golden.safetensors")
    step_losses, final_loss = adamw_losses(model, batch)
    record = {
        "case": name,
        "seed": seed,
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
        "numerics": "float32 throughout, eager attention, eager expert loop, one thread; no float64 anywhere",
        **{key: value.item() for key, value in losses.items()},
        "adamw": {
            **ADAMW,
            "weightDecayOn": "every parameter",
            "gradientClipping": None,
            "losses": step_losses,
            "finalLoss": final_loss,
        },
    }
    if hidden_source is not None:
        record["mtp"] = {
            "lambda": MTP_LAMBDA,
            "hiddenSource": hidden_source,
            "concatenation": "[enorm(embedding), hnorm(hidden)]",
        }
    if margin.smallest != float("inf"):
        record["routing"] = {"smallestMargin": margin.smallest, "lowestKeptChoiceScore": margin.lowest_kept_choice}
        assert margin.lowest_kept_choice > 0
    (folder / "golden.json").write_text(json.dumps(record, indent=2) + "\n")
    sizes = sum(file.stat().st_size for file in folder.iterdir())
    print(
        f"{name}: seed {seed}, loss {record['loss']:.5f} -> {final_loss:.5f}, margin {margin.smallest:.1e}, {sizes / 1024:.0f} KiB"
    )


def main():
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()  # MTP tensors are 'unexpected' to the main model, by design
    torch.use_deterministic_algorithms(True)
    wanted = sys.argv[1:]
    for name, (config, hidden_source) in build_cases().items():
        if not wanted or name in wanted:
            write_case(name, config, hidden_source)
    if not wanted:
        write_router_vectors(HERE / "router")


if __name__ == "__main__":
    main()
