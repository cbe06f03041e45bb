"""Readers of model files that nobody here wrote, each in a process of its own, are caught."""

from __future__ import annotations

import json
import struct

import pytest

from reconciler.facts import Hold
from reconciler.holders import probe


def safetensors_bytes():
    head = json.dumps({"t": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    return struct.pack("<Q", len(head)) + head + struct.pack("<2f", 1, 2)


def gguf_bytes():
    """A GGUF of version 3 without tensors: magic, version, no tensors, one key `general.architecture`."""
    key, value = b"general.architecture", b"llama"
    pair = struct.pack("<Q", len(key)) + key + struct.pack("<IQ", 8, len(value)) + value
    return b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + pair


READERS = {
    "gguf": (gguf_bytes, "import gguf; reader = gguf.GGUFReader(path)"),
    "safetensors": (
        safetensors_bytes,
        "import safetensors; reader = safetensors.safe_open(path, 'numpy'); assert list(reader.keys()) == ['t']",
    ),
    "numpy": (lambda: bytes(64), "import numpy; array = numpy.memmap(path, mode='r')"),
}


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_of_models_is_caught(reader, model, directory, start, room):
    pytest.importorskip(reader)
    content, code = READERS[reader]
    file, other = model(f"model.{reader}", content()), model("other")
    process = start(room / file.name, code)
    held, free = probe(directory, [file, other])
    assert [held.hold, free.hold] == [Hold.HELD, Hold.FREE]
    (holder,) = held.holders
    assert holder.pid == process.pid
    assert "mapping (read)" in holder.how
