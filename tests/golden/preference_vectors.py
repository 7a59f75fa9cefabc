"""What TRL's RewardTrainer and DPOTrainer make of preferences, and what transformers' models with a score head give.

TRL's own code runs here: `RewardTrainer.compute_loss` and `DPOTrainer._compute_loss`, on scores and log-probabilities
made up below. The scores of every golden case come from its class for sequence classification, with the case's weights
and the score head below. Needs `pip install trl==1.16.0 accelerate datasets`; writes preference.json.

    python preference_vectors.py              writes the file
    python preference_vectors.py --read DIR   opens a reward model made here with AutoModelForSequenceClassification
                                              and prints its scores of DIR/check.json: [{ids, score}]
"""

import collections
import json
import pathlib
import sys
import types

import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForSequenceClassification
from trl.kernels.chunked_logprob import ChunkedLogProbFunction
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.reward_trainer import RewardTrainer

HERE = pathlib.Path(__file__).resolve().parent
BETA = 0.3
SMOOTHING = 0.1
# One of each kind of family and attention.
CASES = (
    "llama-llama3-rope qwen2-tied qwen3 qwen3-moe mistral-window smollm3 gemma2 gemma3 "
    "deepseek-v2-greedy-yarn deepseek-v3-q-proj"
).split()


class OneProcess:
    """accelerate's Accelerator in a world of one."""

    device = "cpu"

    def gather(self, x):
        return x

    def gather_for_metrics(self, x):
        return x


def digits(values, n=8):
    return [float(f"{float(v):.{n}g}") for v in values]


def trainer(**fields):
    return types.SimpleNamespace(
        accelerator=OneProcess(),
        model=types.SimpleNamespace(training=True),
        _metrics={"train": collections.defaultdict(list), "eval": collections.defaultdict(list)},
        _total_train_tokens=0,
        _tp_size=1,
        **fields,
    )


def means(self):
    return {name: float(f"{sum(v) / len(v):.8g}") for name, v in self._metrics["train"].items() if name != "num_tokens"}


def reward_case(name, seed, pairs, center):
    g = torch.Generator().manual_seed(seed)
    scores = ((torch.randn(2 * pairs, 1, generator=g) * 2 * 1000).round() / 1000).requires_grad_()
    self = trainer(args=types.SimpleNamespace(center_rewards_coefficient=center or None))
    model = lambda **_: types.SimpleNamespace(logits=scores)
    inputs = dict(attention_mask=torch.ones(2 * pairs, 3, dtype=torch.long))
    loss = RewardTrainer.compute_loss(self, model, inputs)
    loss.backward()
    return dict(
        name=name, centerCoefficient=center, scores=digits(scores.flatten()), loss=float(f"{loss.item():.8g}"),
        gradient=digits(scores.grad.flatten()), metrics=means(self),
    )


def label_case(seed, count):
    g = torch.Generator().manual_seed(seed)
    scores = ((torch.randn(count, generator=g) * 2 * 1000).round() / 1000).requires_grad_()
    labels = torch.randint(0, 2, (count,), generator=g).float()
    loss = torch.nn.functional.binary_cross_entropy_with_logits(scores, labels)
    loss.backward()
    return dict(
        scores=digits(scores), labels=[bool(x) for x in labels], loss=float(f"{loss.item():.8g}"),
        gradient=digits(scores.grad),
    )


def dpo_case(name, seed, loss_type, smoothing, lengths, apart):
    """`lengths`: tokens of the answers, the chosen ones first. Behind the prompts of two tokens they are padded."""
    g = torch.Generator().manual_seed(seed)
    count, width = len(lengths), max(lengths)
    short = lambda x: (x * 1000).round() / 1000
    old = short(-torch.rand(count, width, generator=g) * 3)
    logps = short(old + apart * torch.randn(count, width, generator=g))
    mask = torch.zeros(count, 2 + width, dtype=torch.long)
    for row, length in enumerate(lengths):
        mask[row, 2 : 2 + length] = 1
    answer = mask[:, 2:].float()
    ref = (old * answer).sum(1)
    given = logps.clone().requires_grad_()
    # position i of log_probs is that of token i + 1: one column for the last token of the prompt
    log_probs = torch.cat([torch.zeros(count, 1), given * answer], dim=1)
    seen = torch.Generator().manual_seed(100 + seed)
    entropy = short(torch.rand(count, width, generator=seen) * 2)
    mean_logits = short(torch.randn(count, width, generator=seen))
    is_top1 = torch.rand(count, width, generator=seen) < 0.6
    behind_prompt = lambda x: torch.cat([torch.full((count, 1), 9).to(x.dtype), x], dim=1)
    outputs = types.SimpleNamespace(
        log_probs=log_probs, entropy=behind_prompt(entropy), mean_logits=behind_prompt(mean_logits),
        is_top1=behind_prompt(is_top1), aux_loss=None,
    )
    self = trainer(
        aux_loss_enabled=False, ld_alpha=None, precompute_ref_logps=True, f_divergence_type="reverse_kl",
        beta=BETA, loss_types=[loss_type], loss_weights=[1.0], label_smoothing=smoothing, use_weighting=False,
        args=types.SimpleNamespace(gradient_checkpointing_kwargs=None),
    )
    half = count // 2
    inputs = dict(
        input_ids=torch.zeros_like(mask), attention_mask=torch.ones_like(mask), completion_mask=mask,
        ref_chosen_logps=ref[:half], ref_rejected_logps=ref[half:],
    )
    loss = DPOTrainer._compute_loss(self, lambda **_: outputs, inputs, False)
    loss.backward()
    rows = lambda values: [digits(values[row, :length]) for row, length in enumerate(lengths)]
    return dict(
        name=name, lossType=loss_type, beta=BETA, labelSmoothing=smoothing, logps=rows(logps), entropy=rows(entropy),
        meanLogits=rows(mean_logits), isTop1=rows(is_top1.float()), reference=digits(ref),
        loss=float(f"{loss.item():.8g}"), gradient=rows(given.grad), metrics=means(self),
    )


def head_case(name, seed, soft_cap):
    """What TRL's fused head says of targets: the numbers behind `entropy`, `logits/*` and `mean_token_accuracy`."""
    g = torch.Generator().manual_seed(seed)
    short = lambda x: (x * 1000).round() / 1000
    hidden, weight = short(torch.randn(7, 6, generator=g)), short(torch.randn(19, 6, generator=g))
    logits = hidden @ weight.T
    targets = torch.where(torch.arange(7) % 2 == 0, logits.argmax(1), torch.randint(0, 19, (7,), generator=g))
    logp, entropy, _, mean_logits, is_top1 = ChunkedLogProbFunction.apply(
        hidden, weight, None, targets, 1.0, 5, soft_cap or None, 1.0
    )
    return dict(
        name=name, softCap=soft_cap, hidden=digits(hidden.flatten()), weight=digits(weight.flatten()),
        targets=targets.tolist(), logp=digits(logp), entropy=digits(entropy), meanLogits=digits(mean_logits),
        isTop1=is_top1.tolist(),
    )


def smoothed(case):
    """Conservative DPO: what TRL's sigmoid loss gave for a label smoothing before 1.0; worked out with its parts."""
    logps = [torch.tensor(row).requires_grad_() for row in case["logps"]]
    sums = torch.stack([row.sum() for row in logps]) - torch.tensor(case["reference"])
    half = len(logps) // 2
    delta = BETA * (sums[:half] - sums[half:])
    log_sigmoid = torch.nn.functional.logsigmoid
    loss = (-(1 - SMOOTHING) * log_sigmoid(delta) - SMOOTHING * log_sigmoid(-delta)).mean()
    loss.backward()
    return {
        **case, "name": "conservative", "labelSmoothing": SMOOTHING, "loss": float(f"{loss.item():.8g}"),
        "gradient": [digits(row.grad) for row in logps],
    }


def scored_case(name):
    """Scores of the case's sequences, the Bradley–Terry loss of the first two, and gradients of it."""
    folder = HERE / "cases" / name
    config = AutoConfig.from_pretrained(folder)
    config.num_labels = 1
    config.pad_token_id = None
    config._attn_implementation = "eager"
    config._experts_implementation = "eager"
    model = AutoModelForSequenceClassification.from_pretrained(folder, config=config, dtype=torch.float32)
    width = config.hidden_size
    with torch.no_grad():
        model.score.weight.copy_(torch.sin(torch.arange(1.0, width + 1))[None])
    golden = load_file(folder / "golden.safetensors")
    ids, ends = golden["input_ids"].long(), golden["cu_seqlens"].tolist()
    sequences = [ids[a:b] for a, b in zip(ends, ends[1:])]
    scores = torch.stack([model(input_ids=s[None]).logits[0, 0] for s in sequences])
    loss = -torch.nn.functional.logsigmoid(scores[0] - scores[1])
    loss.backward()
    norm = lambda t: float(f"{t.grad.double().norm().item():.7g}")
    return dict(
        name=name, architecture=type(model).__name__, scores=digits(scores), loss=float(f"{loss.item():.8g}"),
        scoreGradient=digits(model.score.weight.grad.flatten(), 6),
        embeddingNorm=norm(model.model.embed_tokens.weight), normNorm=norm(model.model.norm.weight),
    )


def read(directory):
    model = AutoModelForSequenceClassification.from_pretrained(directory, dtype=torch.float32)
    assert model.num_labels == 1, model.num_labels
    for row in json.loads((pathlib.Path(directory) / "check.json").read_text()):
        with torch.no_grad():
            got = model(input_ids=torch.tensor([row["ids"]])).logits[0, 0].item()
        print(f"{type(model).__name__}: {got:.6f}, expected {row['score']:.6f}, apart {abs(got - row['score']):.2e}")


def main():
    if sys.argv[1:2] == ["--read"]:
        return read(sys.argv[2])
    losses = [("sigmoid", 0.0), ("hinge", 0.0), ("ipo", 0.0), ("robust", SMOOTHING)]
    lengths = [3, 5, 1, 6, 2, 4, 7, 3]
    dpo = [dpo_case(loss, i, loss, smoothing, lengths, apart=0.7) for i, (loss, smoothing) in enumerate(losses, 1)]
    written = dict(
        reward=[reward_case("plain", 1, 5, 0.0), reward_case("centred", 2, 4, 0.01)],
        labels=label_case(3, 7),
        dpo=[*dpo, smoothed(dpo[0])],
        heads=[head_case("plain", 4, 0), head_case("softly capped", 5, 3)],
        scorers=[scored_case(name) for name in CASES],
    )
    (HERE / "preference.json").write_text(json.dumps(written, indent=1) + "\n")


main()
