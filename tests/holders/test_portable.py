"""The probe through psutil, on the system that the tests run on."""

from __future__ import annotations

import os

import pytest

from reconciler.facts import Hold, Holder
from reconciler.holders import portable
from tests.holders.conftest import WAYS


@pytest.mark.parametrize(("way", "how"), [("read", "descriptor"), ("write", "descriptor"), ("mapping", "mapping")])
def test_a_second_process_is_named(way, how, model, directory, start, room):
    file, other = model(), model("b.gguf")
    process = start(room / file.name, WAYS[way])
    held, free = portable.probe(directory, [file, other])
    (holder,) = held.holders
    assert (held.hold, holder.pid, holder.ours) == (Hold.HELD, process.pid, False)
    assert holder.how[0].startswith(how)
    assert free.hold is not Hold.HELD


def test_a_changed_file_is_unknown(model, directory, room):
    gone, replaced = model("gone"), model("replaced")
    os.unlink(room / "gone")
    os.rename(room / "replaced", room / "kept")
    model("replaced")
    answers = portable.probe(directory, [gone, replaced])
    assert [answer.hold for answer in answers] == [Hold.UNKNOWN, Hold.UNKNOWN]
    assert all(answer.why.endswith("plan again") for answer in answers)


HOLDER = Holder(1, 0, "x", "y", ("mapping",))


@pytest.mark.parametrize(
    ("changed", "holders", "unreadable", "hold"),
    [
        ("", (), 0, Hold.FREE),
        ("", (), 1, Hold.UNKNOWN),
        ("", (HOLDER,), 1, Hold.HELD),
        ("is gone", (), 0, Hold.UNKNOWN),
    ],
)
def test_the_judgement(changed, holders, unreadable, hold, model):
    assert portable._judge(model(), changed, holders, unreadable).hold is hold


def test_never_free_where_mappings_are_not_told(model, monkeypatch):
    monkeypatch.setattr(portable, "_tells_mappings", lambda: False)
    assert portable._judge(model(), "", (), 0).hold is Hold.UNKNOWN
