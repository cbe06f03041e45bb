from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.transaction.journal import Journal, Reading, read_journal
from reconciler.transaction.log import read_log
from reconciler.transaction.result import JournalError

RUN = "20261122T000000.000000Z-abcdef"
text = st.text(alphabet=st.characters(exclude_categories=[]))


def written(path: Path, records: list[dict[str, object]]) -> bytes:
    journal = Journal(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_TRUNC), RUN)
    for number, data in enumerate(records):
        journal.append("step", float(number), **data)
    journal.close()
    return path.read_bytes()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("journal") / "journal"


@given(st.lists(st.dictionaries(st.sampled_from("abc"), text | st.integers()), max_size=4))
def test_what_is_written_is_read(path: Path, records: list[dict[str, object]]) -> None:
    reading = read_journal(RUN, written(path, records))
    assert [record.data for record in reading.records] == records
    assert not reading.torn


@given(st.integers(0, 3), st.data())
def test_a_torn_end_is_cut_and_the_journal_goes_on(path: Path, whole: int, data: st.DataObject) -> None:
    """Any prefix of a journal reads as its whole records; the next one appended follows on them."""
    records: list[dict[str, object]] = [{"a": "x" * n} for n in range(whole + 1)]
    complete = written(path, records)
    start = len(b"".join(complete.splitlines(keepends=True)[:whole]))
    cut = data.draw(st.integers(start, len(complete) - 1))
    path.write_bytes(complete[:cut])
    reading = read_journal(RUN, complete[:cut])
    assert (len(reading.records), reading.torn) == (whole, cut > start)
    journal = Journal(os.open(path, os.O_WRONLY | os.O_APPEND), RUN, reading)
    journal.append("step", 0.0, more=1)
    journal.close()
    assert [record.data for record in read_journal(RUN, path.read_bytes()).records] == [*records[:whole], {"more": 1}]


@given(st.data())
def test_a_changed_byte_is_noticed(path: Path, data: st.DataObject) -> None:
    complete = written(path, [{"a": n} for n in range(4)])
    last = complete.rindex(b"\n", 0, -1) + 1
    place = data.draw(st.integers(0, len(complete) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != complete[place]))
    changed = complete[:place] + bytes([byte]) + complete[place + 1 :]
    if place < last:
        with pytest.raises(JournalError, match="damaged"):
            read_journal(RUN, changed)
    else:
        assert read_journal(RUN, changed).torn


@pytest.mark.parametrize("byte", [b" ", b"\xff", b"}"])
def test_a_damaged_end_of_the_last_record_but_one_is_not_taken_for_a_tear(path: Path, byte: bytes) -> None:
    complete = written(path, [{"a": n} for n in range(4)])
    last = complete.rindex(b"\n", 0, -1)
    for end in (complete[last + 1 :], complete[last + 1 : -1], complete[last + 1 : -9]):
        with pytest.raises(JournalError, match="damaged"):
            read_journal(RUN, complete[:last] + byte + end)


def test_a_record_left_out_is_noticed(path: Path) -> None:
    lines = written(path, [{"a": n} for n in range(4)]).splitlines(keepends=True)
    with pytest.raises(JournalError):
        read_journal(RUN, lines[0] + b"".join(lines[2:]))


def test_the_journal_of_another_run_is_noticed(path: Path) -> None:
    with pytest.raises(JournalError):
        read_journal(RUN.replace("a", "b"), written(path, [{}, {}]))


def test_a_record_that_cannot_be_made_durable_is_taken_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = written(path, [{"a": 1}])
    journal = Journal(os.open(path, os.O_WRONLY | os.O_APPEND), RUN, read_journal(RUN, before))
    sync, failing = os.fdatasync, [OSError(5, "Input/output error")]

    def once(descriptor: int) -> None:
        if failing:
            raise failing.pop()
        sync(descriptor)

    monkeypatch.setattr(os, "fdatasync", once)
    with pytest.raises(OSError, match="Input/output"):
        journal.append("commit", 1.0)
    assert path.read_bytes() == before
    assert not journal.doubtful
    journal.append("undo", 1.0)
    journal.close()
    assert [record.kind for record in read_journal(RUN, path.read_bytes()).records] == ["step", "undo"]


def test_a_record_that_cannot_be_taken_back_is_doubtful(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_args: object) -> None:
        raise OSError(5, "Input/output error")

    journal = Journal(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), RUN)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", failing)
        with pytest.raises(OSError, match="Input/output"):
            journal.append("commit", 1.0)
    assert journal.doubtful
    with pytest.raises(OSError, match="could not be written before"):
        journal.append("undo", 1.0)
    journal.close()


def test_a_journal_cannot_lead_out_of_the_directory(path: Path) -> None:
    """The volume may come from another host: names are checked again when they are read."""
    journal = Journal(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), RUN)
    row = ["../outside", 1, 2, 3, 4, 1, 512]
    journal.append("begin", 0.0, of="apply", previous=None, header={}, models=[row], digests={})
    journal.close()
    with pytest.raises(Exception, match="not the name of a model"):
        read_log(RUN, read_journal(RUN, path.read_bytes()))


def test_an_unknown_journal_is_refused(path: Path) -> None:
    with pytest.raises(JournalError, match="not one of this release"):
        read_log(RUN, read_journal(RUN, written(path, [{"a": 1}])))
    assert read_log(RUN, Reading((), 0, torn=True)) is None
