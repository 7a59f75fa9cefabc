"""Token ids by Hugging Face `tokenizers`, for the pre-tokenisers of published models over vocabularies of a few hundred
tokens trained here.

Writes tokenizers/<kind>.json: `tokenizer` (a tokenizer.json) and `cases` (text, ids, decoded). Definitions as in the
tokenizer.json of
deepseek-ai/DeepSeek-V3, deepseek-ai/DeepSeek-V2-Lite, deepseek-ai/deepseek-coder-6.7b-base, Qwen/Qwen2.5-7B, meta-
llama/Llama-3.1-8B, openai-community/gpt2.
"""

import json
import random
from importlib.metadata import version
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, trainers

OUT = Path(__file__).parent / "tokenizers"
VOCAB_SIZE = 640
NUM_RANDOM = 40

CASED = (
    "A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af\u0370-\u0373\u0376\u0377\u037b-\u037d\u037f\u0386"
    "\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481\u048a-\u052f\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba\u1cbd-\u1cbf"
    "\u1d00-\u1d2b\u1d6b-\u1d77\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4"
    "\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc\u2102\u2107\u210a-\u2113\u2115"
    "\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134\u2139\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee"
    "\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a"
    "\U00010400-\U0001044f\U000104b0-\U000104d3\U000104d8-\U000104fb\U00010c80-\U00010cb2\U00010cc0-\U00010cf2\U000118a0-\U000118df\U0001e900-\U0001e943"
)
CJK = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"
SYMBOLS = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
V3 = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"
QWEN2 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|" + SYMBOLS
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|" + SYMBOLS


def split(regex):
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}


def byte_level(use_regex=False, trim_offsets=True):
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": trim_offsets, "use_regex": use_regex}


def sequence(*steps):
    return {"type": "Sequence", "pretokenizers": list(steps)}


DIGITS = {"type": "Digits", "individual_digits": True}
EMPTY = {"type": "Sequence", "normalizers": []}
# kind: normalizer, pre_tokenizer, ignore_merges
KINDS = {
    "deepseek-llm": (
        EMPTY,
        sequence(
            split("[\r\n]"),
            split(rf"\s?[{CASED}]+"),
            split(r"\s?[!-/:-~！-／：-～‘-‟　-。]+"),
            split(r"\s+$"),
            split(CJK),
            DIGITS,
            byte_level(),
        ),
        False,
    ),
    "deepseek-coder": (
        EMPTY,
        sequence(split("[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"), split(CJK), DIGITS, byte_level()),
        False,
    ),
    "deepseek-v3": (
        EMPTY,
        sequence(split(r"\p{N}{1,3}"), split("[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"), split(V3), byte_level()),
        False,
    ),
    "qwen2": ({"type": "NFC"}, sequence(split(QWEN2), byte_level(trim_offsets=False)), False),
    "llama-bpe": (None, sequence(split(LLAMA3), byte_level()), True),
    "gpt-2": (None, byte_level(use_regex=True), False),
}
SPECIALS = ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"]
TAGS = ["<｜User｜>", "<｜Assistant｜>", "<think>", "</think>"]

TEXTS = [
    "Hello, world! It's what we'll do: they've said I'm right, you'd see.",
    "IT'S WE'LL They'Ve I'M 'ſ long s, 'S",
    "for (let i = 0; i < 100; i++) {\n\tif (x[i] != 1234567) return f(x) ** 2;  // done\n}\n",
    "def f(x):\n    return {'a': x, \"b\": [1, 2.5e-3]}\r\n\r\n    # ünïcode\r",
    "L'été, le cœur naïf; déjà vu. Ångström und Straße — «größer»",
    "Cafe\u0301 e\u0301\u0323 n\u0303 a\u030a combining; q\u0307\u0323",
    "你好，世界！这是一个测试。２０２５年１月２０日，DeepSeek发布了R1。",
    "日本語のテキスト、カタカナー。ﾊﾝｶｸ、漢字かな交じり文",
    "한국어 텍스트와 숫자 123입니다. 가각힣",
    "Привет, мир! Ёлка и ҐЄЇ. Ελληνικά: καλημέρα κόσμε, ΆΈΉ",
    "مرحبا بالعالم ١٢٣٤٥ ۶۷۸۹۰ ـ",
    "नमस्ते दुनिया १२३ — ไทยภาษา ๑๒๓ — עברית",
    "½ ² ³ Ⅷ ① 四 ㊿ 𝟙𝟚𝟛 12345678901234567890",
    "🔥🔥 👩‍👩‍👧‍👦 🇫🇷 ❤️ 👍🏽 ok 😀text",
    "a                                                                b\n\n\n\n\n\n\n\nc\t\t\t\td   \n   \n e",
    "   leading, trailing   ",
    "\n",
    " ",
    "   ",
    "\r\n\r\n",
    "\u00a0nbsp\u3000wide\u2003em\u2028line\u2029para\u0085nel\ufeffbom\u200bzero",
    "control \u0000\u0001\u0007\u001b[0m\u007f end",
    "$100 + 50% = €150 ± ≤ ≥ ∑∫√ → ⇒ `code` ~tilde~ ^hat^ a_b-c.d@e.f#g",
    "x=1;y='2';z=\"3\";w=[4](5){6}<7>|8\\9/0",
    "...!!!??? --- ___ === ###",
    "http://example.com/a?b=c&d=e#f user@mail.org 192.168.0.1 2025-01-20T12:34:56Z",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "<｜begin▁of▁sentence｜><｜User｜>What is 7*8?<｜Assistant｜><think>\n7*8=56</think>\n\n56<｜end▁of▁sentence｜>",
    "< think> <think <｜User <｜｜ </think",
    "ﬀ ﬁ ǅ ǈ ŉ ẞ İ ı K Å Ω ﷺ",
    "𐐀𐐨 𞤀𞤢 𑢠 𠀀𠮷 \U0001f9d1\u200d\U0001f680",
    "a1b22c333d4444e55555",
    "\u0300\u0301 leading marks",
    "word\u0027s \u2019s quote’s ‘single’ “double” „low‟",
]
CORPUS = (
    TEXTS[:13] * 3
    + [
        "The quick brown fox jumps over the lazy dog. The answer is 42, so the answer must be the number we want: let me think about this again.",
        "for i in range(10): print(i, i ** 2)    # the loop\n    return the_value + other_value\n\n\n",
        "这是一个问题，我们需要思考。这个答案是正确的。日本語の文章です。안녕하세요 세계",
    ]
    * 6
)
ALPHABET = (
    list("abcdeABCsST'’ .,!?-_<>/\\()[]{}=+*0123456789\t\n\r ")
    + list("éàößñçÀЖжяЁΩλ中文字的かなカ한글ابج١٢٣हिन्दी")
    + [
        "\u0301",
        "\u0308",
        "🔥",
        "👍🏽",
        "\u200d",
        "\u00a0",
        "\u3000",
        "½",
        "²",
        "  ",
        "    ",
        "\n\n",
        "'s",
        "'ll",
        "the",
        " answer",
        "<think>",
        "</think>",
    ]
)


def build(kind):
    normalizer, pre_tokenizer, ignore_merges = KINDS[kind]
    raw = Tokenizer(models.BPE())
    raw.decoder = decoders.ByteLevel()
    shell = json.loads(raw.to_str())
    shell["normalizer"], shell["pre_tokenizer"] = normalizer, pre_tokenizer
    tokenizer = Tokenizer.from_str(json.dumps(shell))
    alphabet = sorted(byte_alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE, min_frequency=2, special_tokens=SPECIALS, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    trained = json.loads(tokenizer.to_str())
    trained["model"]["ignore_merges"] = ignore_merges
    first = 1 + max(trained["model"]["vocab"].values())
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
    trained["added_tokens"] += [{"id": first + i, "content": tag, **flags} for i, tag in enumerate(TAGS)]
    return trained


def byte_alphabet():
    from tokenizers.pre_tokenizers import ByteLevel

    return ByteLevel.alphabet()


def texts():
    rng = random.Random(20250120)
    return TEXTS + ["".join(rng.choice(ALPHABET) for _ in range(rng.randint(1, 60))) for _ in range(NUM_RANDOM)]


def main():
    OUT.mkdir(exist_ok=True)
    for kind in KINDS:
        trained = build(kind)
        tokenizer = Tokenizer.from_str(json.dumps(trained))
        cases = []
        for text in texts():
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            cases.append({"text": text, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=False)})
        golden = {"versions": {"tokenizers": version("tokenizers")}, "tokenizer": trained, "cases": cases}
        (OUT / f"{kind}.json").write_text(
            json.dumps(golden, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
