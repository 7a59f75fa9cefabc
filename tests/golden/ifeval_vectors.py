"""Writes ifeval.json: what the published checks of IFEval say of our texts.

pip install lm-eval (0.4.13); its copy of google-research's instruction_following_eval is the reference. Languages and
sentences are told by other means here (langdetect, nltk), so instructions that rest on them are left out.
"""
import importlib.util
import json
import pathlib
import sys
import types

for name in ("langdetect", "nltk", "immutabledict"):
    try:
        __import__(name)
    except ImportError:
        sys.modules[name] = types.ModuleType(name)
# The checks alone, without the harness around them.
folder = pathlib.Path(importlib.util.find_spec("lm_eval").submodule_search_locations[0]) / "tasks" / "ifeval"


def load(name, **others):
    spec = importlib.util.spec_from_file_location(f"lm_eval.tasks.ifeval.{name}", folder / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


package = types.ModuleType("lm_eval.tasks.ifeval")
package.__path__ = [str(folder)]
sys.modules.setdefault("lm_eval.tasks", types.ModuleType("lm_eval.tasks")).ifeval = package
sys.modules["lm_eval.tasks.ifeval"] = package
util = (folder / "instructions_util.py").read_text()
module = types.ModuleType("lm_eval.tasks.ifeval.instructions_util")
# Its head fetches data for nltk; the word counter is the one function that is needed.
import re

module.count_words = lambda text: len(re.findall(r"\w+", text))
module.generate_keywords = lambda num_keywords: ["word"] * num_keywords
module.LANGUAGE_CODES = {"en": "English"}
module.WORD_LIST = ["word"]
sys.modules[module.__name__] = module
package.instructions_util = module
instructions = load("instructions")

TEXTS = [
    "",
    "Rain falls on the roof",
    "Rain, rain, go away. Come again another day! Will you?",
    '"All of this is quoted."',
    '"Not all" of it is',
    "<<A title>>\n\nThe first paragraph.\n\nBut the second is longer.",
    "<< >>\n\nno title",
    "* one\n* two\n- three\n** bold start",
    "  * nested\n\t- dash\n*star",
    "*one* and **two** and *three*, then ** ** and * *",
    "A [name] lives at [address], near [ ].",
    "SECTION 1\nfirst\nSECTION 2\nsecond",
    "Section 1: a\nSection 2: b\nSection 3",
    "first\n***\nsecond\n***\nthird",
    "***\nfirst\n***\nsecond\n***",
    "first\n***\n***\nsecond",
    "one answer\n******\nanother answer",
    "same\n******\nsame",
    "a******b******c",
    "The end.\nP.S. I love rain",
    "p. s. small",
    "Bye\nP.P.S more",
    "My answer is yes.",
    "My answer is perhaps.",
    '{"a": [1, 2], "b": null}',
    '```json\n{"a": 1}\n```',
    "{a: 1}",
    "Write a poem about rain. Here it is: Rain.",
    "WRITE A POEM ABOUT RAIN. loud",
    "It was good. Is there anything else I can help with?",
    '"It was good. Is there anything else I can help with?"',
    "apple APPLE pineapple Apples",
    "Über Größe: naïve café words_with_underscores 42",
    "'Quoted first' word\n\n\"double\" start\n\nthird, here",
    "x\n\n\n\ny",
]
CASES = [
    ("keywords:existence", "KeywordChecker", {"keywords": ["rain", "day"]}),
    ("keywords:existence", "KeywordChecker", {"keywords": ["apple"]}),
    ("keywords:frequency", "KeywordFrequencyChecker", {"keyword": "apple", "frequency": 3, "relation": "at least"}),
    ("keywords:frequency", "KeywordFrequencyChecker", {"keyword": "rain", "frequency": 2, "relation": "less than"}),
    ("keywords:forbidden_words", "ForbiddenWords", {"forbidden_words": ["apple", "rain"]}),
    ("keywords:forbidden_words", "ForbiddenWords", {"forbidden_words": ["size", "caf"]}),
    (
        "keywords:letter_frequency",
        "LetterFrequencyChecker",
        {"letter": "a", "let_frequency": 3, "let_relation": "at least"},
    ),
    (
        "keywords:letter_frequency",
        "LetterFrequencyChecker",
        {"letter": "R", "let_frequency": 2, "let_relation": "less than"},
    ),
    ("length_constraints:number_paragraphs", "ParagraphChecker", {"num_paragraphs": 2}),
    ("length_constraints:number_paragraphs", "ParagraphChecker", {"num_paragraphs": 3}),
    ("length_constraints:number_words", "NumberOfWords", {"num_words": 7, "relation": "at least"}),
    ("length_constraints:number_words", "NumberOfWords", {"num_words": 6, "relation": "less than"}),
    (
        "length_constraints:nth_paragraph_first_word",
        "ParagraphFirstWordCheck",
        {"num_paragraphs": 3, "nth_paragraph": 3, "first_word": "but"},
    ),
    (
        "length_constraints:nth_paragraph_first_word",
        "ParagraphFirstWordCheck",
        {"num_paragraphs": 3, "nth_paragraph": 2, "first_word": "double"},
    ),
    ("detectable_content:number_placeholders", "PlaceholderChecker", {"num_placeholders": 3}),
    ("detectable_content:postscript", "PostscriptChecker", {"postscript_marker": "P.S."}),
    ("detectable_content:postscript", "PostscriptChecker", {"postscript_marker": "P.P.S"}),
    ("detectable_format:number_bullet_lists", "BulletListChecker", {"num_bullets": 3}),
    ("detectable_format:number_bullet_lists", "BulletListChecker", {"num_bullets": 2}),
    ("detectable_format:constrained_response", "ConstrainedResponseChecker", {}),
    ("detectable_format:number_highlighted_sections", "HighlightSectionChecker", {"num_highlights": 3}),
    ("detectable_format:multiple_sections", "SectionChecker", {"section_spliter": "SECTION", "num_sections": 2}),
    ("detectable_format:multiple_sections", "SectionChecker", {"section_spliter": "Section", "num_sections": 3}),
    ("detectable_format:json_format", "JsonFormat", {}),
    ("detectable_format:title", "TitleChecker", {}),
    ("combination:two_responses", "TwoResponsesChecker", {}),
    ("combination:repeat_prompt", "RepeatPromptThenAnswer", {"prompt_to_repeat": "Write a poem about rain."}),
    ("startend:end_checker", "EndChecker", {"end_phrase": "Is there anything else I can help with?"}),
    ("startend:quotation", "QuotationChecker", {}),
    ("punctuation:no_comma", "CommaChecker", {}),
]

rows = []
for name, kind, kwargs in CASES:
    check = getattr(instructions, kind)(name)
    check.build_description(**kwargs)
    followed = [i for i, text in enumerate(TEXTS) if text.strip() and check.check_following(text)]
    rows.append({"id": name, "kwargs": kwargs, "followed": followed})
path = pathlib.Path(__file__).parent / "ifeval.json"
path.write_text(json.dumps({"texts": TEXTS, "cases": rows}, ensure_ascii=False, indent=1) + "\n")
