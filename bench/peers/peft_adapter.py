"""Loads a model directory and an adapter of ours with peft and prints the logits of some token ids as one JSON list.

    python peft_adapter.py BASE ADAPTER 1,2,3
"""

import json
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

base, adapter, ids = sys.argv[1:]
model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
model = PeftModel.from_pretrained(model, adapter).eval()
with torch.no_grad():
    logits = model(input_ids=torch.tensor([[int(i) for i in ids.split(",")]])).logits[0]
print(json.dumps(logits.flatten().tolist()))
