"""When a manifest forbids applies: windows of a cron schedule and a duration, in a time zone. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from reconciler.manifest.schema import Freeze, FreezeWindow

FREEZE = "freeze"
"""The name by which `--override` lets an apply through."""


def frozen(freeze: Freeze, now: datetime) -> str:
    """Why nothing may be applied at `now`, which has a time zone; empty if it may. A deny window always wins.

    Where there are allow windows, everything outside of them is frozen.
    """
    open_windows = [window for window in freeze.windows if is_open(window, now)]
    for window in open_windows:
        if window.kind == "deny":
            return f"the deny window {_told(window)} is open"
    allowing = [window for window in freeze.windows if window.kind == "allow"]
    if allowing and not any(window.kind == "allow" for window in open_windows):
        return f"no allow window is open: {', '.join(map(_told, allowing))}"
    return ""


def is_open(window: FreezeWindow, now: datetime) -> bool:
    """Whether the window that began last, at `now` or before, has not ended; its duration is real time.

    A start that falls into the hour that a clock skips begins when the clock has skipped it; one in the hour that
    it repeats begins at the first of the two.
    """
    from cronsim import CronSim

    # One minute ahead, because the search leaves out the moment that it starts from.
    ahead = (now.astimezone(UTC) + timedelta(minutes=1)).astimezone(ZoneInfo(window.time_zone))
    for start in CronSim(window.schedule, ahead, reverse=True):
        began = start.astimezone(UTC)
        if began <= now:
            return now < began + timedelta(seconds=window.duration)
    return False


def _told(window: FreezeWindow) -> str:
    return f'"{window.schedule}" ({window.time_zone}, for {timedelta(seconds=window.duration)})'
