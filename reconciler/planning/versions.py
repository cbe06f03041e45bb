"""Versions in the names of models, by the field's habits, and their order. Pure.

A version is `v2`, `v1.10.3`, `version-3`, `epoch_10`, `step-5000`, a dotted number on its own (`1.10.3`), or a date
(`2024-05-01`, `2024.05.01`, `20240501`). Sizes and quantisations are none: `Q4_K_M`, `7B`, `1.5B`, `fp16`, `int8`,
and neither is a bare number: `fr_2.bin` may be a second model as well as a second version.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
    (?<![0-9])(?P<year>(?:19|20)[0-9]{2})(?P<gap>[-_.]?)(?P<month>0[1-9]|1[0-2])(?P=gap)
        (?P<day>0[1-9]|[12][0-9]|3[01])(?![0-9])
    |
    (?<![a-z0-9])
    (?: (?:v|(?:version|ver|rev|epoch|step|ckpt|checkpoint)[-_.]?) (?P<marked>[0-9]+(?:\.[0-9]+)*)
      | (?P<dotted>[0-9]+(?:\.[0-9]+)+) )
    (?: [-_.]? (?P<stage>dev|alpha|beta|pre|rc) [-_.]? (?P<round>[0-9]*) )?
    (?![a-z0-9])
    """,
    re.VERBOSE | re.IGNORECASE,
)
_STAGES = {"dev": 0, "alpha": 1, "beta": 2, "pre": 3, "rc": 3}
_RELEASED = 4

Key = tuple[tuple[tuple[int, ...], tuple[int, int]], ...]


class Version(NamedTuple):
    """The version in a name: `series` is the name without it, `key` sorts within a series, `text` is as written.

    `v1.0` and `v1.0.0` have equal keys; `v2-rc1` sorts before `v2`.
    """

    series: str
    key: Key
    text: str


def version_of(name: str) -> Version | None:
    """The version in `name`, None where it has none; of several (`v2_2024-05-01`) the first counts first."""
    found = list(_TOKEN.finditer(name))
    if not found:
        return None
    return Version(_TOKEN.sub(_blank, name), tuple(map(_key, found)), " ".join(token[0] for token in found))


def _blank(token: re.Match[str]) -> str:
    return "\0date" if token["year"] else "\0version"


def _key(token: re.Match[str]) -> tuple[tuple[int, ...], tuple[int, int]]:
    if token["year"]:
        return (int(token["year"]), int(token["month"]), int(token["day"])), (_RELEASED, 0)
    numbers = [int(number) for number in (token["marked"] or token["dotted"]).split(".")]
    while len(numbers) > 1 and not numbers[-1]:
        numbers.pop()
    stage = (_STAGES[token["stage"].lower()], int(token["round"] or 0)) if token["stage"] else (_RELEASED, 0)
    return tuple(numbers), stage
