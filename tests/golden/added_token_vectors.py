"""Token ids by Hugging Face `tokenizers` for added tokens of every kind: single words, stripping to either side,
normalised or not.

Writes tokenizers/added-tokens.json: for each of three small tokenizers `tokenizer` (a tokenizer.json) and `cases`
(text, ids).
"""

import json
import random
from importlib.metadata import version
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

OUT = Path(__file__).parent / "tokenizers" / "added-tokens.json"
ADDED = [
    AddedToken("cat", single_word=True, normalized=False, special=False),
    AddedToken("Dög", single_word=True, normalized=True, special=False),
    AddedToken("Caf\u00e9", normalized=True, special=False),
    AddedToken("<mask>", lstrip=True, normalized=False, special=True),
    AddedToken("<end>", rstrip=True, normalized=False, special=True),
    AddedToken("<both>", lstrip=True, rstrip=True, single_word=True, normalized=False, special=False),
    AddedToken("<a>", normalized=False, special=False),
    AddedToken("<a><b>", normalized=False, special=True),
    AddedToken("<b>", normalized=True, special=False),
    AddedToken("b> ", normalized=False, special=False),
    AddedToken("word<", normalized=True, special=False),
]
PARTS = [
    "cat",
    "Cat",
    "CAT",
    "dög",
    "Dög",
    "DO\u0308G",
    "Do\u0308g",
    "caf\u00e9",
    "Cafe\u0301",
    "<mask>",
    "<end>",
    "<both>",
    "<a>",
    "<b>",
    "<a><b>",
    "b>",
    " ",
    "  ",
    "\n",
    "\t",
    "\u00a0",
    "\u3000",
    "\u0085",
    "x",
    "_",
    "5",
    "-",
    "é",
    "e\u0301",
    "\u0301",
    "\u200d",
    "word",
    "<",
    ">",
    "🔥",
]
TEXTS = [
    "cat",
    "concat",
    "cat_",
    "cat-",
    " cat ",
    "a cat's",
    "cat\u0301",
    "\u200dcat",
    "x <mask> y",
    "x <end> y",
    "x <both> y",
    "<a><b>",
    "<a> <b>",
    "word<a>",
    "",
]


def texts():
    rng = random.Random(7)
    return TEXTS + ["".join(rng.choice(PARTS) for _ in range(rng.randint(1, 12))) for _ in range(150)]


def byte_level():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=280, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False
    )
    tokenizer.train_from_iterator(texts(), trainer)
    return tokenizer


def lower_cased():
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.train_from_iterator(
        texts(), trainers.BpeTrainer(vocab_size=120, special_tokens=["<unk>"], show_progress=False)
    )
    return tokenizer


def prefixed():
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<unk>"] + [f"<0x{i:02X}>" for i in range(256)], show_progress=False
    )
    tokenizer.train_from_iterator(texts(), trainer)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return tokenizer


def main():
    golden = {"versions": {"tokenizers": version("tokenizers")}, "kinds": {}}
    for build in (byte_level, lower_cased, prefixed):
        tokenizer = build()
        tokenizer.add_tokens(ADDED)
        # U+0085 is white space here and none to JavaScript's expressions, which matters where white space is
        # what is split at.
        own = [text for text in texts() if build is not lower_cased or "\u0085" not in text]
        cases = [{"text": text, "ids": tokenizer.encode(text, add_special_tokens=False).ids} for text in own]
        golden["kinds"][build.__name__] = {"tokenizer": json.loads(tokenizer.to_str()), "cases": cases}
    OUT.write_text(json.dumps(golden, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
