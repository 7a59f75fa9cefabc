"""What gguf-py makes of blocks of every stored type, and how much its encoders lose.

Writes stored-blocks.json: for each type `bytes` (random blocks with scales of a usual size, base64), `values` (f32, base64), and where gguf-py
encodes the type `loss`, the root mean square of its error over that of `row`, 4,096 numbers of a bell curve (f32, base64).
"""

import base64
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize, quantize

# Where the halves of a block lie; MXFP4 has a byte of exponent.
HALVES = {
    "Q8_0": [0],
    "Q4_0": [0],
    "Q4_1": [0, 2],
    "Q5_0": [0],
    "Q5_1": [0, 2],
    "IQ4_NL": [0],
    "MXFP4": [],
    "Q2_K": [80, 82],
    "Q3_K": [108],
    "Q4_K": [0, 2],
    "Q5_K": [0, 2],
    "Q6_K": [208],
    "IQ4_XS": [0],
}
ENCODED = ["Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"]


def base(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def blocks(name, rng):
    numbers, size = GGML_QUANT_SIZES[GGMLQuantizationType[name]]
    data = rng.integers(0, 256, (512 // numbers, size), dtype=np.uint8)
    for at in HALVES[name]:
        data[:, at : at + 2] = rng.normal(0, 0.05, (len(data), 1)).astype(np.float16).view(np.uint8)
    if name == "MXFP4":
        data[:, 0] = [0, 1, 2, 100, 126, 127, 128, 254] * (len(data) // 8)
    return data


def main():
    rng = np.random.default_rng(7)
    row = rng.normal(0, 0.02, 4096).astype(np.float32)
    types = {}
    for name in HALVES:
        kind = GGMLQuantizationType[name]
        data = blocks(name, rng)
        entry = {"bytes": base(data), "values": base(dequantize(data.reshape(-1), kind).astype(np.float32))}
        if name in ENCODED:
            error = dequantize(quantize(row, kind), kind) - row
            entry["loss"] = float(np.sqrt((error**2).sum() / (row**2).sum()))
        types[name.lower()] = entry
    out = {"gguf": version("gguf"), "row": base(row), "types": types}
    (Path(__file__).parent / "stored-blocks.json").write_text(json.dumps(out, indent=1) + "\n")


main()
