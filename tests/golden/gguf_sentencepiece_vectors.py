"""Token ids of SentencePiece vocabularies as GGUF files carry them: by `sentencepiece` itself for plain text, by Hugging
Face `tokenizers` where added tokens stand in it; where both have a say they must agree.

Writes tokenizers/gguf-sentencepiece.json: for a vocabulary with a space in front (Llama 2, Mistral) and one without
(Gemma) `tokens`, `scores` and `types` as llama.cpp's convert_hf_to_gguf.py writes them, `tokenizer` (the tokenizer.json
that transformers makes of it) and `cases` (text, ids, decoded).
"""

import io
import json
from importlib.metadata import version
from pathlib import Path

import sentencepiece
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers
from transformers.tokenization_utils_base import generate_merges

OUT = Path(__file__).parent / "tokenizers" / "gguf-sentencepiece.json"
CORPUS = [
    "The quick brown fox jumps over the lazy dog, and the other dogs bark at the moon.",
    "def f(x):\n    if x > 100:\n        return f(x - 1)\n\treturn 2 * x\n\n\n",
    "Der Fluß führt über die Straße; déjà vu, naïve façade, Ångström.",
    "aaaa aaa aa a ababab abab bbbb ==== ---- ======== 1234567890 3.14159",
    "你好，世界！这是一个测试。 Привет, мир! 日本語のテキスト",
    "    four spaces        eight spaces  two  and\n\n\nlines",
] * 30
MARKS = ["[INST]", "[/INST]", "<think>", "</think>"]
TEXTS = [
    "",
    " ",
    "   ",
    "The quick brown fox",
    " leading and trailing ",
    "a  b   c    d     e      f       g        h",
    "line\n\n  indented\ttab\r\n\n\n\n",
    "aaaaaaa aaaaa abaababaab bbbbbbb =========== -----",
    "façade 中文 你好 🔥👩‍👩‍👧‍👦🇫🇷 \u2581 \u2581\u2581x e\u0301",
    "1234567 = 2y, 0.5e-10; ½ ٣",
    "\u0000\u0001\u0085\ufeff\u200b\u00a0\u3000\u2028 end",
    "for (let i = 0; i < 100; i++) {\n\tif (x[i] != 1234567) return f(x) ** 2;\n}\n",
    "<0x0A> <0xFF> <0x41>",
    "über die Straße führt der Fluß 𝟙𝟚𝟛 नमस्ते ไทย עברית",
]
# Added tokens next to text: `sentencepiece` has no say here.
MARKED = [
    "[INST] The dog? [/INST] a moon</s>",
    "[INST]The  [/INST]\n\n<think>aaa</think> [INST",
    "<s><s> the</s>the<unk>é<unk>",
    " <think> 你</think>好",
]


def train(prefix: bool):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS),
        model_writer=model,
        model_type="bpe",
        vocab_size=640,
        byte_fallback=True,
        split_digits=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        allow_whitespace_only_pieces=True,
        add_dummy_prefix=prefix,
        user_defined_symbols=MARKS,
        character_coverage=0.98,
        num_threads=1,
        minloglevel=2,
    )
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


def token_type(sp, i: int) -> int:
    kinds = {2: sp.is_unknown(i), 3: sp.is_control(i), 5: sp.is_unused(i), 6: sp.is_byte(i)}
    named = next((kind for kind, is_so in kinds.items() if is_so), None)
    return named or (4 if sp.id_to_piece(i) in MARKS else 1)


def vocabulary(sp):
    ids = range(sp.get_piece_size())
    return [sp.id_to_piece(i) for i in ids], [sp.get_score(i) for i in ids], [token_type(sp, i) for i in ids]


def hugging_face(tokens, types, prefix: bool) -> Tokenizer:
    """As transformers' LlamaConverter (legacy) and GemmaConverter make it."""
    vocab = {token: i for i, token in enumerate(tokens)}
    tokenizer = Tokenizer(
        models.BPE(vocab, generate_merges(vocab, None), unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    )
    to_marks = normalizers.Replace(" ", "\u2581")
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), to_marks]) if prefix else to_marks
    steps = [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    tokenizer.decoder = decoders.Sequence(steps + ([decoders.Strip(" ", 1, 0)] if prefix else []))
    tokenizer.add_special_tokens([AddedToken(t, normalized=False) for t, k in zip(tokens, types) if k in (2, 3)])
    tokenizer.add_tokens([AddedToken(t, normalized=False) for t, k in zip(tokens, types) if k == 4])
    return tokenizer


def golden(prefix: bool):
    sp = train(prefix)
    tokens, scores, types = vocabulary(sp)
    tokenizer = hugging_face(tokens, types, prefix)
    cases = []
    for text in TEXTS + MARKED:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        if text in TEXTS and "\u0000" not in text:
            assert ids == sp.encode(text), (text, ids, sp.encode(text))
        cases.append({"text": text, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=False)})
    print(f"prefix {prefix}: {len(tokens)} tokens, {len(cases)} texts")
    return {
        "tokens": tokens,
        "scores": scores,
        "types": types,
        "tokenizer": json.loads(tokenizer.to_str()),
        "cases": cases,
    }


versions = {name: version(name) for name in ("sentencepiece", "tokenizers", "transformers")}
OUT.write_text(json.dumps({**versions, "prefix": golden(True), "plain": golden(False)}, ensure_ascii=True) + "\n")
