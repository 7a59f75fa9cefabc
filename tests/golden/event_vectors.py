"""TensorBoard event files as its own writer makes them, for run/event-file.ts: the bytes of a file with a header and
three events. Needs `pip install tensorboard==2.21.0`; writes events.json.
"""

import base64
import json
import pathlib
import struct

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

EVENTS = [
    dict(seconds=1700000000.25, step=1, scalars=[["rl/reward", 0.5]]),
    dict(seconds=1700000001.5, step=300, scalars=[["rl/reward", -1.25], ["rl/völlig", 1e-30], ["eval/pass1", 0.0]]),
    dict(seconds=1700000002.0, step=70000000000, scalars=[["x" * 200, 3.0e38]]),
]


def framed(data):
    length = struct.pack("<Q", len(data))
    crc = lambda x: struct.pack("<I", masked_crc32c(x))
    return length + crc(length) + data + crc(data)


def main():
    records = [framed(event_pb2.Event(wall_time=1700000000.0, file_version="brain.Event:2").SerializeToString())]
    for event in EVENTS:
        values = [summary_pb2.Summary.Value(tag=tag, simple_value=value) for tag, value in event["scalars"]]
        message = event_pb2.Event(
            wall_time=event["seconds"], step=event["step"], summary=summary_pb2.Summary(value=values)
        )
        records.append(framed(message.SerializeToString()))
    out = pathlib.Path(__file__).parent / "events.json"
    out.write_text(
        json.dumps(
            dict(header=1700000000.0, events=EVENTS, records=[base64.b64encode(r).decode() for r in records])
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
