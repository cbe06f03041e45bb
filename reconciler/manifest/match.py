"""Does a rule match a model? Globs as regular expressions, and the precedence of rules. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from reconciler.errors import Place
    from reconciler.manifest.manifest import Manifest
    from reconciler.manifest.schema import AllowRule, Rule

_TOKEN = re.compile(r"(?P<star>\*+)|(?P<any>\?)|(?P<set>\[!?+\]?+[^\]]*\])|(?P<open>\[)|(?P<text>[^*?\[]+)", re.DOTALL)
_SUFFIX = re.compile(r"\*\*/\*([^*?\[/]+)", re.DOTALL)


class GlobError(ValueError):
    """A glob that means nothing; the message says what is wrong with it."""


class Effect(StrEnum):
    """What the rules say about a model, the strongest first."""

    PROTECT = "protect"
    DENY = "deny"
    ALLOW = "allow"
    NONE = "none"


_VERBS = {Effect.PROTECT: "protected", Effect.DENY: "denied", Effect.ALLOW: "allowed"}


class Ruling(NamedTuple):
    """The rule that decides about a model: its section and number there (`""` and -1 for none), place and reason.

    A named tuple, because one is made for every exact name, which costs a frozen dataclass three times as much.
    `number` and not `index`, which is a method of tuples.
    """

    effect: Effect
    section: str
    number: int
    place: Place | None
    reason: str


_NO_RULE = Ruling(Effect.NONE, "", -1, None, "no rule allows it")


def is_exact(glob: str) -> bool:
    """Whether a glob matches one name only: itself."""
    return not any(character in glob for character in "*?[")


def translate(glob: str) -> str:
    r"""Source of the regular expression of a glob, to be used with `re.DOTALL` and `fullmatch`.

    `*`, `?`, `[…]` and `[!…]` stay within a part of the path, `**` as a whole part stands for any number of
    parts, none included; everything else, a backslash too, is itself. Letters keep their case. Raises GlobError.

    What stands between two `*`, or between two `**`, is matched at the first place where it fits, and atomically:
    a later place can never help, and no name makes the pattern backtrack far.
    """
    if not glob:
        raise GlobError("the glob is empty")
    runs: list[list[str]] = [[]]
    for part in glob.split("/"):
        if part == "**":
            runs.append([])
        else:
            runs[-1].append(_part(part))
    if len(runs) == 1:
        return "/".join(runs[0])
    first, *middle, last = ["/".join((*run, "")) if run else "" for run in runs]
    crossing = "".join(f"(?>(?:[^/]*/)*?{run})" for run in middle if run)
    return first + crossing + (f"(?:.*/)?{last[:-1]}" if last else ".*")


def _part(part: str) -> str:
    """One part of a path."""
    segments = [""]
    for token in _TOKEN.finditer(part):
        if token.lastgroup == "star":
            segments.append("")
        else:
            segments[-1] += _piece(token)
    if len(segments) == 1:
        return segments[0]
    first, *middle, last = segments
    return first + "".join(f"(?>[^/]*?{segment})" for segment in middle) + "[^/]*" + last


def _piece(token: re.Match[str]) -> str:
    match token.lastgroup:
        case "any":
            return "[^/]"
        case "set":
            return _set(token.group())
        case "open":
            raise GlobError("a `[` is not closed before the end of its part; write `[[]` for the character itself")
        case _:
            return re.escape(token.group())


def _set(text: str) -> str:
    negated = text.startswith("[!")
    members = text[2 if negated else 1 : -1]
    if "[:" in members:
        raise GlobError(f"`{text}` looks like a POSIX class, which globs here do not have; write a range like `[a-z]`")
    pieces = []
    for low, high in re.findall(r"(.)(?:-(.))?", members, re.DOTALL):
        if high and low > high:
            raise GlobError(f"the range `{low}-{high}` is backwards; write `{high}-{low}`")
        pieces.append(re.escape(low) + (f"-{re.escape(high)}" if high else ""))
    return f"(?!/)[{'^' if negated else ''}{''.join(pieces)}]"


class Candidates:
    """Which names are models at all: those that one of some globs matches."""

    def __init__(self, globs: Iterable[str]) -> None:
        """`**/*.bin` and its like are a suffix of the name, which `str.endswith` finds far faster than a pattern."""
        found = [(glob, _SUFFIX.fullmatch(glob)) for glob in globs]
        self._suffixes = tuple(match[1] for _, match in found if match)
        self._pattern = _alternation([glob for glob, match in found if not match])

    def __call__(self, name: str) -> bool:
        """Whether `name` is that of a model."""
        return name.endswith(self._suffixes) or (
            self._pattern is not None and self._pattern.fullmatch(name) is not None
        )

    def others(self, names: Iterable[str]) -> list[str]:
        """Those of `names` that are not of models."""
        suffixes = self._suffixes
        return [name for name in names if not name.endswith(suffixes) and not self(name)]


class _Section:
    """The rules of one section: exact names in a dictionary, globs in one alternation.

    `rulings` remembers by index what each glob ruled: on one name as on thousands.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rulings: dict[int, Ruling] = {}
        self.exact: dict[str, int] = {}
        self.globs: list[tuple[int, str]] = []
        for index, rule in enumerate(rules):
            exact = exact_name(rule)
            if exact is not None:
                self.exact.setdefault(exact, index)
            elif rule.match is not None:
                self.globs.append((index, rule.match))
        pattern = _alternation([glob for _, glob in self.globs])
        self._fullmatch = pattern and pattern.fullmatch

    def first(self, name: str) -> int | None:
        """Index of the first rule in the order of the file that matches `name`."""
        exact = self.exact.get(name)
        if self._fullmatch is None or (match := self._fullmatch(name)) is None or match.lastindex is None:
            return exact
        index = self.globs[match.lastindex - 1][0]
        return index if exact is None else min(index, exact)


class Rulebook:
    """The rules of a manifest, ready to be asked about many names."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        spec = manifest.spec
        self.is_candidate = Candidates(spec.models.include)
        self._rules: dict[Effect, tuple[Rule, ...]] = {
            Effect.PROTECT: spec.protect,
            Effect.DENY: spec.deny,
            Effect.ALLOW: spec.allow,
        }
        self._sections = {effect: _Section(rules) for effect, rules in self._rules.items()}
        self._asked = [(effect, effect.value, self._sections[effect]) for effect, rules in self._rules.items() if rules]

    def ruling(self, name: str) -> Ruling:
        """What the rules say about `name`: protect before deny before allow, the first match in each."""
        for effect, section, rules in self._asked:
            index = rules.first(name)
            if index is not None:
                ruling = rules.rulings.get(index)
                if ruling is None:
                    place = self._manifest.rule_place(section, index)
                    # The constructor that a named tuple generates is a Python function.
                    ruling = tuple.__new__(
                        Ruling, (effect, section, index, place, self._reason(effect, section, index))
                    )
                    if rules.globs and rules.exact.get(name) != index:
                        rules.rulings[index] = ruling
                return ruling
        return _NO_RULE

    def first_allow(self, name: str) -> int | None:
        """Index of the first rule in `allow` that matches `name`, whatever the other sections say."""
        return self._sections[Effect.ALLOW].first(name)

    def allow_rule(self, index: int) -> AllowRule:
        """The rule `allow[index]`."""
        return self._manifest.spec.allow[index]

    @property
    def exact_allows(self) -> Mapping[str, int]:
        """Index in `allow` of each exact name."""
        return MappingProxyType(self._sections[Effect.ALLOW].exact)

    @property
    def glob_allows(self) -> list[tuple[int, str]]:
        """Index in `allow` and glob of each rule that is not an exact name."""
        return self._sections[Effect.ALLOW].globs

    def _reason(self, effect: Effect, section: str, index: int) -> str:
        rule = self._rules[effect][index]
        what = f'name "{rule.name}"' if rule.name is not None else f'match "{rule.match}"'
        own = f": {rule.reason}" if rule.reason else ""
        return f"{_VERBS[effect]} by {section}[{index}] ({what}){own}"


def matches(rule: Rule, name: str) -> bool:
    """Whether one rule matches `name`, whatever other rules say."""
    exact = exact_name(rule)
    if exact is not None or rule.match is None:
        return exact == name
    return re.fullmatch(translate(rule.match), name, re.DOTALL) is not None


def exact_name(rule: Rule) -> str | None:
    """The one name a rule is about, if it is about one."""
    if rule.name is not None:
        return rule.name
    return rule.match if rule.match is not None and is_exact(rule.match) else None


def _alternation(globs: list[str]) -> re.Pattern[str] | None:
    """One pattern with a group for each glob; the first that matches is the first in the list."""
    if not globs:
        return None
    parts = [glob.removeprefix("**/") for glob in globs]
    if all(len(part) < len(glob) and "/" not in part and part != "**" for glob, part in zip(globs, parts, strict=True)):
        # One part each, in any directory: where that begins is looked for once, and not once for each glob.
        return re.compile(f"(?>(?:.*/)?)(?:{'|'.join(f'({_part(part)})' for part in parts)})", re.DOTALL)
    return re.compile("|".join(f"({translate(glob)})" for glob in globs), re.DOTALL)
