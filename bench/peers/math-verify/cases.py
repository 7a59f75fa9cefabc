# Reads the labelled pairs out of Math-Verify's tests and prints them as JSON lines: file, function, gold, pred, label,
# and the test's own settings. Nothing of the tests is run but the literals of their tables.
import ast
import json
import math
import sys
from pathlib import Path

SETTINGS = {"precision", "strict", "allow_set_relation_comp"}


def table(decorator):
    """The names and rows of `@pytest.mark.parametrize(names, rows)` about pairs; None for anything else."""
    if not (isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.parametrize"):
        return None
    names = [name.strip() for name in ast.literal_eval(decorator.args[0]).split(",")]
    if not {"gold", "pred"} <= set(names):
        return None
    rows = eval(compile(ast.Expression(decorator.args[1]), "table", "eval"), {"__builtins__": {}, "math": math})
    return names, rows


def pairs(path):
    for function in ast.parse(path.read_text()).body:
        if not isinstance(function, ast.FunctionDef):
            continue
        for names, rows in filter(None, map(table, function.decorator_list)):
            for row in rows:
                case = dict(zip(names, row))
                label = case.get("expected", case.get("result"))
                settings = {name: case[name] for name in SETTINGS & set(names)}
                yield {"file": path.stem, "test": function.name, "gold": case["gold"], "pred": case["pred"],
                       "label": bool(label), **settings}


for path in sorted(Path(sys.argv[1]).glob("tests/test_*.py")):
    for case in pairs(path):
        print(json.dumps(case))
