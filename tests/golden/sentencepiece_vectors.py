"""Token ids by Hugging Face `tokenizers` for BPE in SentencePiece's way, as Gemma's tokenizer.json has it: spaces become
U+2581, unknown characters fall back to bytes.

Writes tokenizers/sentencepiece-bpe.json: `tokenizer` (a tokenizer.json trained here) and `cases` (text, ids, decoded).
"""

import json
from importlib.metadata import version
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

OUT = Path(__file__).parent / "tokenizers" / "sentencepiece-bpe.json"
CORPUS = ["the quick brown fox jumps over the lazy dog", "a model user asks; the model answers", "12 34 567 x = 2y"] * 20
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
SPECIAL = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]
TEXTS = [
    "",
    " ",
    "the quick brown fox",
    "  two  spaces  ",
    "line\n\n  indented\ttab",
    "<start_of_turn>user\nthe model?<end_of_turn>\n",
    "façade 中文 🔥 \u2581 e\u0301",
    "12345 = 2y",
    "\u0000\u0085\ufeff",
]

tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
tokenizer.normalizer = normalizers.Replace(" ", "\u2581")
tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
trainer = trainers.BpeTrainer(vocab_size=420, special_tokens=SPECIAL + BYTES, show_progress=False)
tokenizer.train_from_iterator(CORPUS, trainer)

# The trainer marks the bytes as special, which they are not in Gemma's file.
data = json.loads(tokenizer.to_str())
data["added_tokens"] = [token for token in data["added_tokens"] if token["content"] in SPECIAL]
tokenizer = Tokenizer.from_str(json.dumps(data))
encoded = [tokenizer.encode(text, add_special_tokens=False).ids for text in TEXTS]
OUT.write_text(
    json.dumps(
        {
            "tokenizers": version("tokenizers"),
            "tokenizer": json.loads(tokenizer.to_str()),
            "cases": [
                {"text": text, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=False)}
                for text, ids in zip(TEXTS, encoded)
            ],
        },
        ensure_ascii=True,
    )
    + "\n"
)
print(f"{OUT.name}: {tokenizer.get_vocab_size()} tokens, {len(TEXTS)} texts")
