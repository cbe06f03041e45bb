"""Windows, their edges, and the two days a year on which clocks jump."""

from __future__ import annotations

from datetime import datetime

import pytest

from reconciler.manifest.schema import Freeze, FreezeWindow
from reconciler.planning.freeze import frozen

NIGHT = {"kind": "allow", "schedule": "0 22 * * *", "duration": "6h"}
WEEKEND = {"kind": "deny", "schedule": "0 0 * * 6", "duration": "2d"}


def windows(*given: dict[str, str]) -> Freeze:
    return Freeze(windows=tuple(FreezeWindow.model_validate(window) for window in given))


@pytest.mark.parametrize(
    ("given", "now", "expected"),
    [
        ((), "2026-11-22T12:00Z", ""),
        ((NIGHT,), "2026-11-24T21:59:59.9Z", "no allow window is open"),
        ((NIGHT,), "2026-11-24T22:00Z", ""),
        ((NIGHT,), "2026-11-25T03:59:59Z", ""),
        ((NIGHT,), "2026-11-25T04:00Z", "no allow window is open"),
        ((WEEKEND,), "2026-11-20T23:59Z", ""),
        ((WEEKEND,), "2026-11-21T00:00Z", "the deny window"),
        ((WEEKEND,), "2026-11-22T23:59Z", "the deny window"),
        ((WEEKEND,), "2026-11-23T00:00Z", ""),
        ((NIGHT, WEEKEND), "2026-11-21T23:00Z", "the deny window"),
        ((NIGHT, WEEKEND), "2026-11-24T23:00Z", ""),
        ((NIGHT, {**NIGHT, "schedule": "0 12 * * *"}), "2026-11-24T13:00Z", ""),
        (({**NIGHT, "timeZone": "Asia/Kolkata"},), "2026-11-24T16:30Z", ""),
        (({**NIGHT, "timeZone": "Asia/Kolkata"},), "2026-11-24T16:29Z", "no allow window"),
    ],
)
def test_when_it_is_frozen(given: tuple[dict[str, str], ...], now: str, expected: str) -> None:
    assert frozen(windows(*given), datetime.fromisoformat(now)).startswith(expected)
    assert bool(frozen(windows(*given), datetime.fromisoformat(now))) is bool(expected)


BERLIN = {"kind": "deny", "timeZone": "Europe/Berlin"}


@pytest.mark.parametrize(
    ("schedule", "duration", "now", "expected"),
    [
        # 2026-03-29, 02:00 becomes 03:00: 01:00 UTC. A start at 02:30 begins at 03:00.
        ("30 2 * * *", "1h", "2026-03-29T00:59Z", False),
        ("30 2 * * *", "1h", "2026-03-29T01:00Z", True),
        ("30 2 * * *", "1h", "2026-03-29T02:00Z", False),
        # Six hours from 22:00 are six hours, and end at 05:00 on the clock.
        ("0 22 * * *", "6h", "2026-03-29T02:59Z", True),
        ("0 22 * * *", "6h", "2026-03-29T03:00Z", False),
        # 2026-10-25, 03:00 becomes 02:00: 01:00 UTC. A start at 02:30 begins once, at 00:30 UTC.
        ("30 2 * * *", "30m", "2026-10-25T00:30Z", True),
        ("30 2 * * *", "30m", "2026-10-25T01:00Z", False),
        ("30 2 * * *", "30m", "2026-10-25T01:30Z", False),
        ("0 22 * * *", "6h", "2026-10-25T01:59Z", True),
        ("0 22 * * *", "6h", "2026-10-25T02:00Z", False),
    ],
)
def test_when_clocks_jump(schedule: str, duration: str, now: str, expected: bool) -> None:
    freeze = windows({**BERLIN, "schedule": schedule, "duration": duration})
    assert bool(frozen(freeze, datetime.fromisoformat(now))) is expected
