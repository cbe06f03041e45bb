"""Each way in which the world can have moved on since a plan was made."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.facts import DirectoryFacts, FileFacts, Inventory
from reconciler.planning.drift import binding_drift, model_drift
from reconciler.planning.plan import Plan
from tests.planning.build import DIRECTORY, file, inventory, manifest, plan

WANTED = manifest(allow=["keep.bin"])
OLD = file("old.bin", 100, inode=5)
SECONDS = 10**9
PLANNED = plan(WANTED, inventory("keep.bin", OLD))


def bound(directory: DirectoryFacts = DIRECTORY, digest: str = WANTED.digest, host: str = "host1") -> tuple[str, ...]:
    return binding_drift(PLANNED, directory, manifest_digest=digest, host=host)


def drift(found: Inventory, planned: Plan = PLANNED) -> tuple[str, ...]:
    return model_drift(planned, plan(WANTED, found))


def test_bound_to_the_same() -> None:
    assert bound() == ()


def test_bound_to_another_host() -> None:
    assert bound(host="host2") == ("host is host2, expected host1",)


def test_bound_to_another_manifest() -> None:
    assert bound(digest="sha256:0") == (f"manifest digest is sha256:0, expected {WANTED.digest}",)


def test_bound_to_another_directory() -> None:
    assert bound(DirectoryFacts("/srv/other", 64, 3)) == (
        "identity of the model directory is 64:3, expected 64:2",
        "model directory is /srv/other, expected /srv/models",
    )


def test_bound_to_a_directory_put_in_the_place_of_the_first() -> None:
    assert bound(replace(DIRECTORY, inode=3)) == ("identity of the model directory is 64:3, expected 64:2",)


def test_hostile_places_are_escaped() -> None:
    (_, told) = bound(DirectoryFacts("/srv/\n\udcff", 64, 3))
    assert told == "model directory is /srv/\\n\\xff, expected /srv/models"


def test_nothing_moved() -> None:
    assert drift(inventory("keep.bin", OLD)) == ()


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (OLD._replace(size=101), "old.bin: size is 101, expected 100"),
        (
            OLD._replace(mtime_ns=OLD.mtime_ns + 1),
            f"old.bin: mtime is {SECONDS}.000000001, expected {SECONDS}.000000000",
        ),
        (OLD._replace(inode=6), "old.bin: identity is 64:6, expected 64:5"),
        (OLD._replace(device=65), "old.bin: identity is 65:5, expected 64:5"),
        (OLD._replace(inode=6, size=1), "old.bin: identity is 64:6, expected 64:5; size is 1, expected 100"),
    ],
)
def test_a_doomed_file_changed(now: FileFacts, told: str) -> None:
    assert drift(inventory("keep.bin", now)) == (told,)


def test_links_and_blocks_are_no_content() -> None:
    assert drift(inventory("keep.bin", OLD._replace(links=2, allocated=0))) == ()


def test_a_doomed_file_is_gone() -> None:
    assert drift(inventory("keep.bin")) == ("old.bin: is gone",)


def test_a_doomed_file_became_a_link_to_a_kept_one() -> None:
    assert drift(inventory("keep.bin", aliases={"old.bin": "keep.bin"})) == ("old.bin: is gone",)


def test_a_doomed_file_is_wanted_by_now() -> None:
    found = inventory("keep.bin", OLD, aliases={"link.bin": "old.bin"})
    fresh = plan(manifest(allow=["keep.bin", "link.bin"]), found)
    assert model_drift(PLANNED, fresh) == ("old.bin: is now keep: link.bin, which is kept, is a symbolic link to it",)


def test_what_the_plan_does_not_name_is_no_drift() -> None:
    assert drift(inventory("new.bin", OLD)) == ()


def test_hostile_names_are_escaped() -> None:
    planned = plan(WANTED, inventory("evil\n\udcff.bin"))
    assert drift(inventory(), planned) == ("evil\\n\\xff.bin: is gone",)
