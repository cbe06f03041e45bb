"""Limits with their defaults and edges."""

from __future__ import annotations

import pytest

from reconciler.errors import GuardError
from reconciler.planning.guards import GUARDS
from reconciler.planning.plan import Plan, require_unblocked
from tests.planning.build import file, inventory, manifest, plan


def planned(kept: int, deleted: int, *overrides: str, size: int = 100, **spec: object) -> Plan:
    files = [file(f"keep{number}.bin") for number in range(kept)]
    files += [file(f"old{number}.bin", size) for number in range(deleted)]
    return plan(manifest(allow=[{"match": "keep*"}], **spec), inventory(*files, "README.md"), *overrides)


def names(made: Plan) -> list[str]:
    return [guard.name for guard in made.guards]


@pytest.mark.parametrize(
    ("kept", "deleted", "limits", "expected"),
    [
        (0, 0, {}, []),
        (1, 0, {}, []),
        (1, 8, {}, []),  # nine models: a percentage says little
        (6, 3, {}, []),
        (7, 3, {}, []),  # ten models, 30 % is not over 30 %
        (6, 4, {}, ["max-delete-percent"]),
        (1, 9, {}, ["max-delete-percent"]),
        (6, 4, {"maxDeletePercent": 40}, []),
        (9, 1, {"maxDeletePercent": 0}, ["max-delete-percent"]),
        (0, 10, {"maxDeletePercent": 100}, ["min-keep"]),
        (0, 1, {}, ["min-keep"]),  # never zero survivors
        (0, 10, {}, ["max-delete-percent", "min-keep"]),
        (0, 1, {"minKeep": 0}, []),
        (2, 1, {"minKeep": 3}, ["min-keep"]),
        (3, 1, {"minKeep": 3}, []),
        (1, 0, {"minKeep": 3}, []),  # nothing is deleted: the plan makes nothing worse
        (5, 2, {"maxDeletions": 2}, []),
        (5, 3, {"maxDeletions": 2}, ["max-deletions"]),
        (5, 1, {"maxDeletions": 0}, ["max-deletions"]),
        (5, 2, {"maxDeleteBytes": 200}, []),
        (5, 2, {"maxDeleteBytes": 199}, ["max-delete-bytes"]),
    ],
)
def test_what_trips(kept: int, deleted: int, limits: dict[str, object], expected: list[str]) -> None:
    assert names(planned(kept, deleted, limits=limits)) == expected


def test_an_emptied_manifest_is_stopped() -> None:
    made = plan(manifest(), inventory(*(f"{number}.bin" for number in range(20))))
    with pytest.raises(GuardError) as raised:
        require_unblocked(made)
    assert raised.value.guards == ("max-delete-percent", "min-keep")
    assert str(raised.value) == (
        "/srv/models: blocked, nothing was touched: "
        "max-delete-percent: 20 of 20 models are to be deleted, 100.0 %, and limits.maxDeletePercent is 30; "
        "min-keep: 0 models would be left, and limits.minKeep is 1; "
        "correct the manifest, or pass --override max-delete-percent --override min-keep"
    )


def test_required_models_that_are_missing_block_even_without_deletions() -> None:
    wanted = manifest(allow=[{"name": f"{number}.bin", "required": True} for number in range(7)])
    (guard,) = plan(wanted, inventory("0.bin")).guards
    assert guard.name == "required"
    assert guard.message == "6 required and missing: 1.bin, 2.bin, 3.bin, 4.bin, 5.bin, …"


def test_hard_links_are_models_whose_bytes_count_once() -> None:
    doomed = [file(f"old{number}.bin", 100, inode=5) for number in range(3)]
    made = plan(manifest(allow=["a.bin"], limits={"maxDeleteBytes": 100}), inventory("a.bin", *doomed))
    assert made.bytes_to_delete == 100
    assert made.guards == ()
    assert names(plan(manifest(allow=["a.bin"], limits={"maxDeletions": 2}), inventory("a.bin", *doomed)))


TRIPPING: dict[str, dict[str, object]] = {
    "max-deletions": {"limits": {"maxDeletions": 1}},
    "max-delete-percent": {"limits": {"maxDeletePercent": 1}},
    "max-delete-bytes": {"limits": {"maxDeleteBytes": 1}},
    "min-keep": {"limits": {"minKeep": 50}},
    "required": {"protect": ["x"]},
}


@pytest.mark.parametrize("guard", GUARDS)
def test_each_guard_is_overridden_by_its_name_and_no_other(guard: str) -> None:
    spec = TRIPPING[guard]
    allow = [{"match": "keep*"}, *([{"name": "must.bin", "required": True}] if guard == "required" else [])]
    files = [f"keep{number}.bin" for number in range(40)] + ["old1.bin", "old2.bin"]
    wanted = manifest(allow=allow, **spec)
    assert [g.name for g in plan(wanted, inventory(*files)).blocking] == [guard]
    others = [other for other in GUARDS if other != guard]
    with pytest.raises(GuardError, match=f"--override {guard}$"):
        require_unblocked(plan(wanted, inventory(*files), *others))
    passed = plan(wanted, inventory(*files), guard)
    require_unblocked(passed)
    assert [g.overridden for g in passed.guards] == [True]
    require_unblocked(plan(wanted, inventory(*files)), frozenset({guard}))


def test_hostile_names_are_escaped_in_the_error() -> None:
    wanted = manifest(allow=[{"name": "evil\n\x1b[2J.bin", "required": True}])
    with pytest.raises(GuardError) as raised:
        require_unblocked(plan(wanted, inventory()))
    assert "evil\\n\\x1b[2J.bin" in str(raised.value)
    assert "\n" not in str(raised.value)
