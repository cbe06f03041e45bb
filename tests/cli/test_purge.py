"""Removing quarantined models for good: when their time is over, when told to, and when space is short."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.site import Site, only


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, quarantine={"retain": "7d"})


def quarantined(site: Site) -> int:
    return len(list(site.models.glob(".ocr-reconcile/runs/*/quarantine/*")))


def test_nothing_is_due(site: Site) -> None:
    site.apply()
    assert site.run("purge", "-f", site.manifest).stdout == "Nothing to do: no run in quarantine is due.\n"
    assert site.json("purge", "-f", site.manifest, "--older-than", "3d")["outcome"] == "nothing-to-do"
    assert quarantined(site) == 5


@pytest.mark.parametrize("words", [["--all"], ["--older-than", "0s"]])
def test_told_to(words: list[str], site: Site) -> None:
    site.apply()
    document = site.json("purge", "--models", site.models, *words)
    assert document["run"]["freed"]["files"] == 5
    assert document["run"]["freed"]["expected"] > 0
    assert quarantined(site) == 0
    assert [run["state"] for run in site.history()] == ["purged", "purged"]
    assert "no run has anything in quarantine" in site.run("rollback", "-f", site.manifest, code=7).stderr


def test_flags_that_exclude_each_other(site: Site) -> None:
    site.run("purge", "-f", site.manifest, "--all", "--older-than", "3d", code=64)
    site.run("purge", "--all", code=64)
    site.run("purge", "-f", site.manifest, "--older-than", "soon", code=64)


def test_the_next_apply_purges_what_is_due(site: Site) -> None:
    """The retention is that of the run which quarantined: a millisecond is over by the next command."""
    site.write_manifest(quarantine={"retain": "1ms"})
    site.apply()
    assert quarantined(site) == 5
    document = site.json("apply", "-f", site.manifest, "--yes")
    assert document["outcome"] == "nothing-to-do"
    assert document["purged"]["freed"]["files"] == 5
    assert quarantined(site) == 0


def test_space_is_made_for(site: Site) -> None:
    """More space than the disk has: every run in quarantine goes, whatever time it has left."""
    site.apply()
    site.put("old-again.bin")
    site.write_manifest(quarantine={"retain": "7d"}, limits={"maxDeletePercent": 100, "minFreeBytes": 2**62})
    told = site.apply().stdout
    assert "Purged what earlier runs had in quarantine" in told
    assert [run["kind"] for run in site.history()] == ["apply", "purge", "apply"]
    assert quarantined(site) == 1, "the newest run stays"


def test_less_came_free_than_expected(site: Site) -> None:
    """Another hard link keeps the blocks."""
    (site.root / "kept").hardlink_to(site.models / "old-0.bin")
    site.write_manifest()
    told = site.apply().stdout
    assert "old-0.bin: other hard links keep it" in told
    assert "other hard links keep it" in only(site.history())["freed"]["reasons"][0]


def test_a_holder_keeps_what_was_purged(site: Site) -> None:
    """A process that maps a file in quarantine keeps its blocks: it is named, in the text and in the history."""
    site.put("old-big.bin", b"x" * 4_000_000)
    os.sync()  # allocated late, the blocks would not be counted
    site.apply()
    run = only(site.history())
    number = next(n for n, model in enumerate(run["models"]) if model["name"] == "old-big.bin")
    with open(site.models / ".ocr-reconcile" / "runs" / run["id"] / "quarantine" / str(number), "rb"):
        told = site.run("purge", "-f", site.manifest, "--all").stdout
    assert f"old-big.bin: is kept until it ends by pid {os.getpid()} " in told
    assert "old-big.bin: is kept" in site.history()[-1]["freed"]["reasons"][0]
