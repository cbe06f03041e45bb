from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine import child, protocol
from reconciler.engine.protocol import Ending, Request, facts_of, listing_error, relative_names
from reconciler.errors import EngineError, ModelDirectoryError

ASKED = "/tmp/t/Aspose.AI.LLM/models"
ANSWER = {
    "protocol": 1,
    "release": "26.10.0",
    "python": "/v/bin/python",
    "model_directory": "/models",
    "prefix": "Aspose.AI.LLM/models",
    "asked": ASKED,
    "listing": ["Aspose.AI.LLM/models/a"],
}


def ending(**changes: object) -> Ending:
    return Ending("/v/bin/python", 0, json.dumps(ANSWER | changes).encode(), b"")


def refused(**error: str) -> str:
    with pytest.raises(EngineError) as caught:
        facts_of(
            ending(version=error.pop("version", "3.11.7"), platform=error.pop("platform", "linux x86_64"), error=error)
        )
    return str(caught.value)


def test_child_speaks_the_same_protocol():
    assert child.PROTOCOL == protocol.PROTOCOL


def test_facts():
    facts = facts_of(ending())
    assert (facts.release, facts.model_directory, facts.listing, facts.in_process) == (
        "26.10.0",
        "/models",
        ("a",),
        False,
    )


@pytest.mark.parametrize("field", [name for name in ANSWER if name != "protocol"])
def test_every_field_is_checked(field: str):
    with pytest.raises(EngineError, match="lacks fields"):
        facts_of(ending(**{field: 7}))


@given(st.binary(max_size=60))
def test_no_answer_but_a_right_one_is_read(answer: bytes):
    with pytest.raises(EngineError, match=r"answer|protocol"):
        facts_of(Ending("python", 0, answer, b""))


@given(st.text(), st.text())
def test_request_is_one_line_and_keeps_every_name(directory: str, base: str):
    line = Request(directory, base).encode()
    assert line.index(b"\n") == len(line) - 1
    assert json.loads(line) == {"model_directory": directory, "base": base}


@pytest.mark.parametrize(
    ("version", "platform", "words"),
    [
        ("3.14.0", "linux x86_64", "there is none for Python 3.14.0, use one before 3.14"),
        ("3.12.1", "linux aarch64", "there is none for linux aarch64"),
        ("3.9.18", "linux x86_64", "run `/v/bin/python -m pip install"),
    ],
)
def test_missing_package_says_whether_there_is_one(version: str, platform: str, words: str):
    assert words in refused(kind="missing-package", version=version, platform=platform)


def test_unknown_refusal_is_told_as_it_is():
    assert "the engine failed (new): E: text" in refused(kind="new", type="E", message="text")


@pytest.mark.parametrize("code", [-11, 139])
def test_signal_is_named(code: int):
    with pytest.raises(EngineError, match="killed by SIGSEGV"):
        facts_of(Ending("python", code, b"", b""))


@pytest.mark.parametrize("code", [1, 127, 255, -63])
def test_every_code_is_an_error(code: int):
    with pytest.raises(EngineError, match=f"code {code}"):
        facts_of(Ending("python", code, json.dumps(ANSWER).encode(), b""))


@pytest.mark.parametrize(
    ("message", "kind", "words"),
    [
        ("Proxy error(PathTooLongException): The path is too long.", ModelDirectoryError, "too long for the engine"),
        (
            f"Proxy error(IOException): Input/output error : '{ASKED}/s'",
            ModelDirectoryError,
            "/models/s: the engine cannot",
        ),
        ("Proxy error(OutOfMemoryException): none", EngineError, "OutOfMemoryException: none"),
        ("no idea", EngineError, "RuntimeError: no idea"),
    ],
)
def test_listing_errors(message: str, kind: type[EngineError], words: str):
    error = listing_error("/models", ASKED, "RuntimeError", message)
    assert type(error) is kind
    assert str(error).startswith("/models")
    assert words in str(error)


NAMES = st.text(st.characters(blacklist_characters="/\0"), min_size=1).filter(lambda name: name not in {".", ".."})


@given(st.lists(NAMES), st.sampled_from(["Aspose.AI.LLM/models", ASKED, "/models"]))
def test_names_are_relative_however_the_engine_spells_its_directory(names: list[str], spelling: str):
    listing = [f"{spelling}/{name}" for name in names]
    assert relative_names(listing, "Aspose.AI.LLM/models", "/models", ASKED) == tuple(names)


@given(NAMES)
def test_what_is_not_in_the_directory_stays_absolute(name: str):
    listing = [f"/other/{name}", f"Aspose.AI.LLM/models-old/{name}"]
    expected = (f"/other/{name}", f"/tmp/t/Aspose.AI.LLM/models-old/{name}")
    assert relative_names(listing, "Aspose.AI.LLM/models", "/models", ASKED) == expected
