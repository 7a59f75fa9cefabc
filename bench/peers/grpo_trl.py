"""Peer: steps of TRL's GRPOTrainer on the CPU, with a LoRA adapter (peft) over the smollm2 shape of shapes.json.

Prompts are random tokens, the reward is the share of even tokens in a completion, and nothing ends one: a step is
prompts x completions rows of newTokens, sampled together and learnt from group by group. `bf16` is the trainer's own
autocast over weights in bf16.
"""

import tempfile

from train_lora import adapted
from variants import SHAPES, run_variants, timed_step

GRPO = SHAPES["grpo"]


def tokenizer_of(vocab_size):
    """A word for every token: t0, t1, …"""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({f"t{i}": i for i in range(vocab_size)}, unk_token="t0"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=words, pad_token="t0", eos_token="t2", padding_side="left")


def even_share(completion_ids, **_):
    return [sum(i % 2 == 0 for i in ids) / max(1, len(ids)) for ids in completion_ids]


class GrpoRun:
    """One call of `train` with one step after the other, on a trainer that stays."""

    def __init__(self, precision):
        import torch
        from datasets import Dataset
        from token_stream import TokenStream
        from trl import GRPOConfig, GRPOTrainer

        model = adapted(torch.float32 if precision == "f32" else torch.bfloat16, True)
        vocab_size = SHAPES["models"]["smollm2"]["vocab_size"]
        stream = TokenStream(vocab_size, SHAPES["streamSeed"])
        prompts = [" ".join(f"t{stream.next()}" for _ in range(GRPO["promptTokens"])) for _ in range(64)]
        rows = GRPO["prompts"] * GRPO["completions"]
        arguments = GRPOConfig(
            output_dir=tempfile.mkdtemp(),
            use_cpu=True,
            bf16=precision == "bf16",
            per_device_train_batch_size=GRPO["completions"],
            gradient_accumulation_steps=GRPO["prompts"],
            num_generations=GRPO["completions"],
            max_completion_length=GRPO["newTokens"],
            generation_kwargs={"min_new_tokens": GRPO["newTokens"]},
            learning_rate=SHAPES["optimizer"]["lr"],
            max_steps=1,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            gradient_checkpointing=False,
        )
        self.trainer = GRPOTrainer(
            model=model,
            reward_funcs=even_share,
            args=arguments,
            train_dataset=Dataset.from_dict({"prompt": prompts}),
            processing_class=tokenizer_of(vocab_size),
        )
        self.tokens = rows * GRPO["newTokens"]
        self.facts = {"numParameters": sum(p.numel() for p in model.parameters() if p.requires_grad)}

    def step(self, is_warmup):
        return timed_step(lambda: {"loss": self.trainer.train().training_loss}, self.tokens)


def prepare(precision):
    return GrpoRun(precision)


VARIANTS = {"trl-f32": dict(precision="f32"), "trl-bf16": dict(precision="bf16")}

if __name__ == "__main__":
    run_variants(__file__, "grpo", prepare, VARIANTS)
