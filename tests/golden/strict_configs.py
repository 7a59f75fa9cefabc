"""Whether transformers' strict reader takes the configurations we write, and reads the numbers that were written.

node write-configs.mjs FOLDER && python strict_configs.py FOLDER
"""

import json
import sys
from pathlib import Path

from transformers import AutoConfig, GenerationConfig

RENAMED = {"torch_dtype", "rope_theta", "rope_scaling", "num_nextn_predict_layers", "architectures", "head_dim"}

failures = 0
folders = sorted(path.parent for path in Path(sys.argv[1]).glob("*/config.json"))
for folder in folders:
    written = json.loads((folder / "config.json").read_text())
    try:
        read = AutoConfig.from_pretrained(folder)
        GenerationConfig.from_pretrained(folder)
        wrong = [key for key, value in written.items() if key not in RENAMED and getattr(read, key, None) != value]
        scaling = written.get("rope_scaling") or {}
        wrong += [key for key, value in scaling.items() if read.rope_parameters.get(key) != value]
        wrong += ["rope_theta"] if read.rope_parameters["rope_theta"] != written["rope_theta"] else []
    except Exception as error:
        wrong = [f"{type(error).__name__}: {error}"]
    if wrong:
        failures += 1
        print(f"{folder.name}: {wrong}")
print(f"{len(folders) - failures} of {len(folders)} configurations read")
sys.exit(1 if failures or not folders else 0)
