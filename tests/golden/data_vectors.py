"""Data files as pandas and pyarrow write them, and the rows that they hold.

Writes data/*.parquet, *.csv, *.tsv, *.jsonl, *.json (also compressed) and data/rows.json: for each file its rows, as
pyarrow or Python's own csv reader give them back. Times are ISO texts with milliseconds, in UTC.
"""

import csv
import datetime
import decimal
import gzip
import io
import json
from importlib.metadata import version
from pathlib import Path

import pandas
import pyarrow as pa
import pyarrow.parquet as pq

OUT = Path(__file__).parent / "data"
ROWS = {}


def plain(value):
    if isinstance(value, datetime.datetime):
        utc = value if value.tzinfo is None else value.astimezone(datetime.timezone.utc)
        return utc.strftime("%Y-%m-%dT%H:%M:%S.") + f"{utc.microsecond // 1000:03d}Z"
    if isinstance(value, datetime.date):
        return f"{value.isoformat()}T00:00:00.000Z"
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53 - 1:
        return str(value)
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return value


def parquet(name, table, **options):
    path = OUT / f"{name}.parquet"
    pq.write_table(table, path, **options)
    ROWS[path.name] = [plain(row) for row in pq.read_table(path).to_pylist()]


def conversations():
    turn = lambda role, content: {"role": role, "content": content}
    return [
        [turn("user", "What is 2+2?"), turn("assistant", "4")],
        [turn("system", "Be brief."), turn("user", "Grüße, 世界 😀"), turn("assistant", 'He said "no",\nthen left.')],
        [turn("user", "a"), turn("assistant", "b"), turn("user", "c"), turn("assistant", "d")],
    ]


def write_parquet():
    message = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    messages = pa.table({"messages": pa.array(conversations(), message), "source": ["x", None, "z"]})
    for codec in ["none", "snappy", "gzip", "zstd", "brotli", "lz4"]:
        parquet(f"messages-{codec}", messages, compression=codec)
    parquet("messages-v2-pages", messages, data_page_version="2.0", compression="zstd")
    parquet("messages-index", messages, write_page_index=True, use_dictionary=False)
    many = pa.table({"prompt": [f"Question {i}?" for i in range(50)], "answer": list(range(50))})
    parquet("row-groups", many, row_group_size=7)
    parquet("small-pages", many, data_page_size=64, use_dictionary=False, column_encoding="PLAIN")
    parquet("delta", many, use_dictionary=False, column_encoding={"prompt": "DELTA_BYTE_ARRAY", "answer": "DELTA_BINARY_PACKED"})
    parquet("delta-length", many.select(["prompt"]), use_dictionary=False, column_encoding={"prompt": "DELTA_LENGTH_BYTE_ARRAY"})
    parquet(
        "kinds",
        pa.table(
            {
                "large": pa.array(["a" * 3000, None, "ü"], pa.large_string()),
                "category": pa.array(["red", "blue", "red"]).dictionary_encode(),
                "int64": pa.array([1, -(2**53) - 1, 2**63 - 1], pa.int64()),
                "uint64": pa.array([2**64 - 1, 5, None], pa.uint64()),
                "int8": pa.array([-1, None, 7], pa.int8()),
                "uint32": pa.array([2**32 - 1, 0, None], pa.uint32()),
                "float": pa.array([0.5, None, -2.0], pa.float32()),
                "double": pa.array([0.1, 1e300, None], pa.float64()),
                "half": pa.array([0.5, 2.0, None], pa.float16()),
                "bool": pa.array([True, None, False]),
                "decimal": pa.array([decimal.Decimal("1.25"), None, decimal.Decimal("-3.50")], pa.decimal128(8, 2)),
                "date": pa.array([datetime.date(2024, 2, 29), None, datetime.date(1969, 12, 31)]),
                "seconds": pa.array([datetime.datetime(2024, 5, 1, 12, 30, 15, 250000)] * 3, pa.timestamp("ms")),
                "micros": pa.array([datetime.datetime(2024, 5, 1, 12, 30, 15, 250000), None, None], pa.timestamp("us", "UTC")),
                "list": pa.array([[1, 2], [], None], pa.list_(pa.int64())),
                "texts": pa.array([["a", None], [""], None], pa.list_(pa.large_string())),
                "nested": pa.array([[[1], [2, 3]], [[]], None], pa.list_(pa.list_(pa.int32()))),
                "struct": pa.array([{"a": 1, "b": {"c": "x"}}, {"a": None, "b": None}, None], pa.struct([("a", pa.int64()), ("b", pa.struct([("c", pa.string())]))])),
                "none": pa.array([None, None, None], pa.null()),
            }
        ),
    )
    frame = pandas.DataFrame({"question": ["one", "two"], "answer": ["1 = 1\n#### 1", "1 + 1 = 2\n#### 2"]}, index=[10, 20])
    path = OUT / "pandas.parquet"
    frame.to_parquet(path)
    ROWS[path.name] = pq.read_table(path).to_pylist()
    parquet("empty", many.slice(0, 0))
    del ROWS["empty.parquet"]


def text_table():
    return {
        "prompt": ["plain", "with, comma", 'with "quotes"', "two\nlines", "Grüße 😀", " spaces ", "tab\there", "semi;colon"],
        "completion": ["1", "2.50", "", "NULL", "x\r\ny", "true", "'single'", "=1+1"],
    }


def csv_file(name, data, **options):
    path = OUT / name
    encoding, packed = options.get("encoding", "utf-8"), name.endswith(".gz")
    pandas.DataFrame(data).to_csv(path, index=options.pop("index", False), **options)
    text = (gzip.decompress(path.read_bytes()) if packed else path.read_bytes()).decode(encoding)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=options.get("sep", ","))
    ROWS[name] = list(reader)


def write_csv():
    csv_file("comma.csv", text_table())
    csv_file("semicolon.csv", text_table(), sep=";")
    csv_file("tab.tsv", text_table(), sep="\t")
    csv_file("crlf-bom.csv", text_table(), lineterminator="\r\n", encoding="utf-8-sig")
    csv_file("all-quoted.csv", text_table(), quoting=csv.QUOTE_ALL)
    csv_file("with-index.csv", text_table(), index=True)
    csv_file("packed.csv.gz", text_table(), compression={"method": "gzip", "mtime": 0})
    csv_file("quoted-header.csv", {"a;b;c, d": ["1"], "text": ["x"]})


def write_json():
    rows = [{"messages": each} for each in conversations()] + [{"messages": None, "text": "]}\\\"", "n": 1.5}]
    frame = pandas.DataFrame(rows)
    for name, options in {"lines.jsonl": {"lines": True}, "lines-in.json": {"lines": True}, "list.json": {}, "indented.json": {"indent": 2}}.items():
        frame.to_json(OUT / name, orient="records", force_ascii=False, **options)
        text = (OUT / name).read_text("utf-8")
        ROWS[name] = [json.loads(line) for line in text.splitlines()] if options.get("lines") else json.loads(text)
    text = (OUT / "lines.jsonl").read_bytes()
    (OUT / "lines.jsonl.gz").write_bytes(gzip.compress(text[:100], mtime=0) + gzip.compress(text[100:], mtime=0))
    ROWS["lines.jsonl.gz"] = ROWS["lines.jsonl"]
    codec = pa.Codec("zstd")
    frames = [codec.compress(part, asbytes=True) for part in (text[:100], text[100:])]
    (OUT / "lines.jsonl.zst").write_bytes(frames[0] + frames[1])
    ROWS["lines.jsonl.zst"] = ROWS["lines.jsonl"]


OUT.mkdir(exist_ok=True)
write_parquet()
write_csv()
write_json()
versions = {name: version(name) for name in ("pandas", "pyarrow")}
(OUT / "rows.json").write_text(json.dumps({"versions": versions, "rows": ROWS}, ensure_ascii=False, indent=1) + "\n", "utf-8")
