"""The rule and the wait, with looks and time made up; and once with a real holder that ends."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import HeldError
from reconciler.facts import FileFacts, Hold, HoldAnswer, Holder
from reconciler.holders import held_error, proof, prove, require
from tests.holders.conftest import WAYS

FILES = tuple(FileFacts(name, 1, number, 9, 0, 1, 512) for number, name in enumerate(["a.gguf", "b.gguf"]))
HOLDER = Holder(4711, 99, "ocr-service --port 8080", "ocr", ("mapping (read)",))


class Time:
    """Time that passes only by sleeping; looks take none."""

    def __init__(self):
        self.now = 100.0
        self.slept: list[float] = []

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        assert seconds >= 0
        self.slept.append(seconds)
        self.now += seconds


def answer(file, hold):
    holders = (HOLDER,) if hold is Hold.HELD else ()
    return HoldAnswer(file, hold, ("lease",), holders, "2 processes may not be read" if hold is Hold.UNKNOWN else "")


def play(script, **settings):
    """Prove with a script of looks, one letter a file: f(ree), h(eld), u(nknown); its last look repeats."""
    holds = {"f": Hold.FREE, "h": Hold.HELD, "u": Hold.UNKNOWN}
    rest = list(script)
    clock = Time()
    told: list[proof.Waiting] = []

    def probe(_, files):
        look = rest.pop(0) if len(rest) > 1 else rest[0]
        return [answer(file, holds[letter]) for file, letter in zip(files, look, strict=True)]

    given_proof = proof.prove(3, FILES, probe=probe, clock=clock, progress=told.append, **settings)
    return given_proof, clock, told


def test_two_free_looks_prove():
    proven, clock, told = play(["ff"], pause=0.1)
    assert (proven.proven, proven.looks, proven.taken, proven.means) == (True, 2, 2, ("lease",))
    assert (clock.slept, told) == ([0.1], [])
    require(proven)


@pytest.mark.parametrize("looks", [1, 2, 5])
def test_as_many_looks_as_asked(looks):
    assert play(["ff"], looks=looks)[0].taken == looks


def test_held_between_two_looks_starts_again():
    proven, _, told = play(["ff", "fh", "ff", "ff"], wait=30)
    assert (proven.proven, proven.looks, proven.taken) == (True, 2, 4)
    assert [[a.file.name for a in waiting.answers] for waiting in told] == [["b.gguf"]]


def test_without_a_wait_one_held_look_is_the_end():
    proven, clock, told = play(["fh"])
    assert (proven.proven, proven.looks, proven.taken, clock.slept, told) == (False, 0, 1, [], [])


def test_the_pause_doubles_to_two_seconds_and_the_wait_is_kept():
    proven, clock, told = play(["hf"], wait=10)
    assert clock.slept == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0, 0.85])
    assert [round(waiting.left, 2) for waiting in told[:3]] == [10, 9.95, 9.85]
    assert proven.waited == pytest.approx(10)


@pytest.mark.parametrize("accept", [True, False])
def test_unknown_proves_nothing_unless_accepted(accept):
    proven, _, _ = play(["uf"], accept_unknown=accept)
    assert proven.proven is accept
    assert proven.accepted == (("a.gguf",) if accept else ())


def test_accepting_unknown_does_not_accept_held():
    proven, _, _ = play(["uh"], accept_unknown=True)
    assert (proven.proven, proven.accepted) == (False, ())


def test_ctrl_c_goes_through():
    def interrupted(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        proof.prove(3, FILES, probe=interrupted)


@given(
    script=st.lists(st.text("fhu", min_size=2, max_size=2), min_size=1, max_size=12),
    looks=st.integers(1, 4),
    wait=st.floats(0, 20),
    accept=st.booleans(),
)
def test_proven_means_that_the_last_looks_all_passed(script, looks, wait, accept):
    proven, clock, told = play(script, looks=looks, wait=wait, accept_unknown=accept, pause=0)
    seen = (script + [script[-1]] * proven.taken)[: proven.taken]
    bad = set("h" if accept else "hu")
    passes = [not set(look) & bad for look in seen]
    assert proven.proven == (len(passes) >= looks and all(passes[-looks:]))
    assert not any(all(passes[start : start + looks]) for start in range(len(passes) - looks))
    assert len(told) == passes.count(False) - (not proven.proven)
    assert sum(clock.slept) <= wait + 0.001 + 1e-9
    json.dumps(proven.document())


def test_the_error_names_every_holder_and_what_to_do():
    with pytest.raises(HeldError) as caught:
        require(play(["hu"])[0])
    text = str(caught.value)
    assert "1 files held, 1 unknown" in text
    assert "a.gguf: held by pid 4711 (ocr-service --port 8080), user ocr: mapping (read)" in text
    assert "b.gguf: unknown: 2 processes may not be read" in text
    assert text.endswith("or wait longer (--wait), and apply again")
    assert caught.value.exit_code == 6


def test_the_error_is_bounded():
    files = [FileFacts(f"{number}.gguf", 1, number, 9, 0, 1, 512) for number in range(1000)]
    lines = str(held_error(answer(file, Hold.HELD) for file in files)).splitlines()
    assert len(lines) == 23
    assert lines[-2] == "  - and 980 more"


def test_the_error_says_what_to_do_about_ourselves():
    ours = Holder(1, 1, "python serve.py", "ocr", ("mapping (read)",), ours=True)
    text = str(held_error([HoldAnswer(FILES[0], Hold.HELD, ("lease",), (ours,))]))
    assert text.startswith("a.gguf: ")
    assert "this very process: the engine keeps a loaded model mapped until its process ends" in text


def test_a_real_holder_that_ends_during_the_wait(model, directory, start, room):
    file = model()
    process = start(room / file.name, WAYS["mapping"])
    told: list[proof.Waiting] = []

    def end_it(waiting):
        told.append(waiting)
        process.kill()
        process.wait()

    proven = prove(directory, [file], wait=60, pause=0, progress=end_it)
    assert proven.proven
    assert told[0].answers[0].holders[0].pid == process.pid
    assert proven.document()["notFree"] == []
