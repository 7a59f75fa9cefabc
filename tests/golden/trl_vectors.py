"""What TRL's GRPOTrainer makes of a batch: advantages, loss, the loss's gradient and every metric, for each loss type,
with and without masks.

TRL's own code runs here: `_compute_loss` of `GRPOTrainer`, or of `RLOOTrainer` for rloo, on log-probabilities made up
below, and the very lines of the trainer that turn rewards into advantages and log them. TRL has no REINFORCE++: its
returns are worked out below, its loss is TRL's with an advantage for each token. Needs `pip install trl==1.16.0 accelerate datasets`; writes trl.json.
"""

import collections
import inspect
import json
import math
import pathlib
import textwrap
import types

import torch
import trl
from trl.trainer import grpo_trainer
from trl.trainer.grpo_trainer import GRPOTrainer
from trl.trainer.rloo_trainer import RLOOTrainer
from trl.trainer.utils import nanmax, nanmin, nanstd

GROUP = 4
MAX_LENGTH = 12
EOS = 7


class OneProcess:
    """accelerate's Accelerator in a world of one."""

    num_processes = 1
    process_index = 0
    sync_gradients = True

    def gather(self, x):
        return x

    def gather_for_metrics(self, x):
        return x

    def reduce(self, x, reduction="sum"):
        return x


def lines_between(method, first, last):
    """The lines of a method from the one that contains `first` up to the one that contains `last`, which is left
    out.
    """
    source = inspect.getsource(method).splitlines()
    start = next(i for i, line in enumerate(source) if first in line)
    end = next(i for i, line in enumerate(source) if i > start and last in line)
    return textwrap.dedent("\n".join(source[start:end]))


def short(x):
    """Numbers of four digits, so that the file stays small and means exactly what was computed."""
    return (x * 10000).round() / 10000


def written(values, digits):
    return [float(f"{float(v):.{digits}g}") for v in values]


def nullable(x):
    return None if x is None or (isinstance(x, float) and math.isnan(x)) else x


def make_batch(seed, rewards, distance):
    """Completions of random lengths; new, old and reference log-probabilities a random `distance` apart."""
    g = torch.Generator().manual_seed(seed)
    batch = []
    for reward in rewards:
        length = int(torch.randint(2, MAX_LENGTH + 1, (1,), generator=g))
        old = short(-torch.rand(length, generator=g) * 3)
        near = lambda: short(old + distance * torch.randn(length, generator=g))
        new, ref = near(), near()
        entropy = short(torch.rand(length, generator=g) * 2)
        ended = bool(torch.rand(1, generator=g) < 0.6)
        prompt = int(torch.randint(3, 9, (1,), generator=g))
        batch.append(
            dict(rewards=reward, promptLength=prompt, ended=ended, logp=new, oldLogp=old, refLogp=ref, entropy=entropy)
        )
    return batch


def with_replies(batch, seed):
    """The same completions with some tokens in their middle as an environment's, which TRL calls a tool mask."""
    g = torch.Generator().manual_seed(seed)
    for row in batch:
        own = torch.ones(len(row["logp"]))
        own[1:-1] = (torch.rand(max(0, len(own) - 2), generator=g) < 0.6).float()
        row["own"] = own
    return batch


def own_tokens(row):
    """1 for the model's own tokens."""
    return row.get("own", torch.ones(len(row["logp"])))


def trainer(config, metrics):
    self = types.SimpleNamespace(
        accelerator=OneProcess(),
        model=types.SimpleNamespace(training=True),
        _metrics={"train": metrics},
        args=types.SimpleNamespace(
            delta=None, use_bias_correction_kl=False, steps_per_generation=config["numMinibatches"]
        ),
        aux_loss_enabled=False,
        top_entropy_quantile=1.0,
        off_policy_mask_threshold=None,
        importance_sampling_level="sequence" if config["lossType"] == "gspo" else "token",
        use_vllm=False,
        _entropy_bonus_enabled=False,
        current_gradient_accumulation_steps=1,
        max_completion_length=MAX_LENGTH,
        # REINFORCE++ has its KL penalty in the returns
        beta=0.0 if config["lossType"] == "reinforce_plus_plus" else config["beta"],
        loss_type=dict(gspo="grpo", reinforce_plus_plus="dapo").get(config["lossType"], config["lossType"]),
        epsilon_low=config["epsilon"],
        epsilon_high=config["epsilonHigh"],
        num_generations=GROUP,
        multi_objective_aggregation="sum_then_normalize",
        scale_rewards="none" if config["lossType"] == "reinforce_plus_plus" else config["scaleRewards"],
        normalize_advantages=config["scaleRewards"] == "batch",
        reward_clip_range=None,
        reward_func_names=["first", "second"],
        tools=None,
        eos_token_ids=[EOS],
        _tokenizer=types.SimpleNamespace(pad_token_id=0),
        reward_weights=torch.tensor([1.0, 0.5]),
        state=types.SimpleNamespace(num_input_tokens_seen=0),
    )
    return self


def score(self, batch, config, mask):
    """Advantages and the metrics of rewards and lengths."""
    nan = lambda r: torch.nan if r is None else r
    space = dict(
        self=self,
        torch=torch,
        nanstd=nanstd,
        gather=lambda x: x,
        mode="train",
        device="cpu",
        num_generations=GROUP,
        prompts=batch,
        rewards_per_func=torch.tensor([[nan(r) for r in row["rewards"]] for row in batch]),
        completion_ids=[[1] * (len(row["logp"]) - 1) + [EOS if row["ended"] else 1] for row in batch],
        agg_prompt_lengths=torch.tensor([row["promptLength"] for row in batch]),
        agg_completion_lengths=torch.tensor([int(own_tokens(row).sum()) for row in batch]),
        old_per_token_logps=pad([row["oldLogp"] for row in batch]),
        ref_per_token_logps=pad([row["refLogp"] for row in batch]),
        completion_mask=mask,
    )
    own = RLOOTrainer if config["lossType"] == "rloo" else GRPOTrainer
    exec(
        lines_between(
            own._generate_and_score_completions, "unscorable_mask = torch.isnan", "# Log prompts and completions"
        ),
        space,
    )
    exec(lines_between(GRPOTrainer._generate, "total_prompt_tokens = ", "if self.tools:"), space)
    if config["lossType"] == "reinforce_plus_plus":
        return whitened_returns(self, batch, config, mask, space["rewards"])
    return space["advantages"]


def whitened_returns(self, batch, config, mask, rewards):
    """REINFORCE++ (arXiv 2501.03262 §3): the return of a token is the reward less beta times the log-ratios from it to
    the end; whitened over all tokens of the batch as verl's `masked_whiten` does (unbiased variance, 1e-8).
    """
    log_ratio = (pad([row["oldLogp"] for row in batch]) - pad([row["refLogp"] for row in batch])) * mask
    if config["beta"] > 0:
        self._metrics["train"]["kl"].append((log_ratio.sum() / mask.sum().clamp(min=1)).item())
    to_go = log_ratio.double().flip(1).cumsum(1).flip(1)
    returns = rewards.double()[:, None] - config["beta"] * to_go
    counted = pad([torch.ones(len(row["logp"])) for row in batch]).bool() & ~rewards.isnan()[:, None]
    scale = torch.rsqrt(returns[counted].var() + 1e-8) if config["scaleRewards"] == "batch" else 1.0
    return torch.where(counted, (returns - returns[counted].mean()) * scale, 0.0).float()


def pad(rows):
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)


def run(name, config, batch):
    metrics = collections.defaultdict(list)
    self = trainer(config, metrics)
    keep = [row["ended"] or not config["maskTruncatedCompletions"] for row in batch]
    mask = pad([torch.ones(len(row["logp"])) * float(k) for row, k in zip(batch, keep)])
    own_mask = torch.nn.utils.rnn.pad_sequence([own_tokens(row) for row in batch], batch_first=True, padding_value=1)
    advantages = score(self, batch, config, mask)
    own = RLOOTrainer if config["lossType"] == "rloo" else GRPOTrainer
    logps = [row["logp"].clone().requires_grad_() for row in batch]
    losses = []
    for m in range(config["numMinibatches"]):
        chosen = range(m, len(batch), config["numMinibatches"])
        of = lambda rows: pad([rows[i] for i in chosen])
        inputs = dict(
            prompt_ids=torch.zeros(len(chosen), 1, dtype=torch.long),
            prompt_mask=torch.ones(len(chosen), 1, dtype=torch.long),
            completion_ids=torch.zeros_like(of(logps), dtype=torch.long),
            completion_mask=mask[list(chosen)][:, : of(logps).shape[1]],
            advantages=advantages[list(chosen)][(slice(None), slice(of(logps).shape[1]))[: advantages.dim()]],
            num_items_in_batch=(mask * own_mask).sum(),
            old_per_token_logps=of([row["oldLogp"] for row in batch]),
            ref_per_token_logps=of([row["refLogp"] for row in batch]),
        )
        if "own" in batch[0]:
            inputs["tool_mask"] = own_mask[list(chosen)][:, : of(logps).shape[1]]
        inputs["old_logps"] = (inputs["old_per_token_logps"] * inputs["completion_mask"]).sum(1)
        self._get_per_token_logps_and_entropies = lambda *a, **k: (
            of(logps),
            of([row["entropy"] for row in batch]),
            None,
        )
        loss = own._compute_loss(self, self.model, inputs)
        loss.backward()
        # In RLOO a masked completion, whose ratio is 1, adds its advantage to the loss: a constant, left out here.
        left_out = sum(advantages[i].item() for i in chosen if not keep[i]) / len(chosen) if own is RLOOTrainer else 0
        losses.append(loss.item() + left_out)
    mean = {
        key: nullable(sum(valid) / len(valid)) if (valid := [v for v in values if not math.isnan(v)]) else None
        for key, values in metrics.items()
    }
    rows = [
        dict(
            rewards=row["rewards"],
            promptLength=row["promptLength"],
            ended=row["ended"],
            **{key: written(row[key], 6) for key in ("logp", "oldLogp", "refLogp", "entropy")},
            gradient=written(logp.grad, 6),
            **(dict(own=[int(x) for x in row["own"]]) if "own" in row else {}),
        )
        for row, logp in zip(batch, logps)
    ]
    return dict(
        name=name,
        config=dict(config, maxCompletionLength=MAX_LENGTH, numGenerations=GROUP),
        batch=rows,
        advantages=[
            float(a) if a.dim() == 0 else written(a[: len(row["logp"])], 8) for a, row in zip(advantages, batch)
        ],
        losses=losses,
        metrics=mean,
    )


PLAIN = [
    [1, 0],
    [0, 1],
    [1, None],
    [0, 0],
    [1, 1],
    [1, 1],
    [1, 1],
    [1, 1],
    [0.2, 0.4],
    [None, 0.6],
    [0.5, None],
    [0.1, 0.3],
]
NULLS = [
    [1, None],
    [0.5, None],
    [None, None],
    [1, None],
    [None, None],
    [None, None],
    [None, None],
    [0.7, None],
    [0, 1],
    [1, 1],
    [None, 0],
    [None, None],
]


def main():
    base = dict(
        beta=0.0, epsilon=0.2, epsilonHigh=0.2, scaleRewards="group", maskTruncatedCompletions=False, numMinibatches=1
    )
    own = dict(
        grpo={},
        bnpo={},
        dr_grpo=dict(scaleRewards="none"),
        dapo=dict(epsilonHigh=0.28),
        gspo=dict(epsilon=0.03, epsilonHigh=0.04),
        cispo=dict(epsilonHigh=1.2),
        rloo=dict(scaleRewards="none"),
        reinforce_plus_plus=dict(scaleRewards="batch"),
    )
    cases = []
    for seed, (loss_type, change) in enumerate(own.items()):
        other = "none" if loss_type == "reinforce_plus_plus" else "batch"
        for label, special, rewards in (
            ("plain", {}, PLAIN),
            ("kl", dict(beta=0.04), PLAIN),
            ("masked", dict(maskTruncatedCompletions=True), PLAIN),
            ("masked kl nulls", dict(maskTruncatedCompletions=True, beta=0.1), NULLS),
            ("minibatches", dict(numMinibatches=3, maskTruncatedCompletions=True, beta=0.02), NULLS),
            (f"scaled by {other}", dict(scaleRewards=other, beta=0.05), NULLS),
        ):
            config = {**base, "lossType": loss_type, **change, **special}
            cases.append(run(f"{loss_type} {label}", config, make_batch(seed, rewards, 0.35)))
        if loss_type not in ("rloo", "reinforce_plus_plus"):  # TRL has tools in GRPOTrainer alone
            config = {**base, "lossType": loss_type, **change, "beta": 0.04, "maskTruncatedCompletions": True}
            cases.append(run(f"{loss_type} replies", config, with_replies(make_batch(seed, NULLS, 0.35), seed)))
    out = pathlib.Path(__file__).parent / "trl.json"
    out.write_text(
        json.dumps(
            dict(trl=trl.__version__, torch=torch.__version__.split("+")[0], rewardWeights=[1, 0.5], cases=cases)
        )
        + "\n"
    )
    for case in cases:
        print(case["name"], [round(x, 4) for x in case["losses"]])


if __name__ == "__main__":
    main()
