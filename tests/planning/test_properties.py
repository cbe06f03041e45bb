"""What holds whatever the manifest and the inventory: rules, retention and sets as hypothesis finds them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.facts import Digest, FileFacts
from reconciler.manifest.schema import Keep
from reconciler.planning.diff import Context, Difference, compare
from reconciler.planning.memory import Memory, Sighting, after, memory_text, parse_memory
from reconciler.planning.retention import Unit, retain
from reconciler.planning.verdicts import Verdict
from reconciler.planning.versions import version_of
from tests.planning.build import file, inventory, manifest

NOW = 10**6
NAMES = [
    "a.bin", "a.json", "a.onnx", "a.onnx_data", "b_v1.bin", "b_v2.bin", "b_v3.bin",
    "m-v1-00001-of-00002.gguf", "m-v1-00002-of-00002.gguf", "m-v2-00001-of-00002.gguf", "m-v2-00002-of-00002.gguf",
    "o/mmproj-model-f16.gguf", "o/m-Q4_K_M.gguf", "o/m-Q8_0.gguf", "o/m.json", "o/dict.txt", "README.json",
]  # fmt: skip
GLOBS = ["*", "**", "a*", "b_v*", "m-*", "m-v1*", "*-00001-*", "o/*", "o/mm*", "*.json", "**/*.gguf", "*_v2*", "*.onnx"]

names = st.lists(st.sampled_from(NAMES), unique=True)
ages = st.integers(0, 40)
keeps = st.builds(
    lambda chosen: {key: value for key, value in chosen.items() if value is not None},
    st.fixed_dictionaries(
        {
            "latest": st.none() | st.integers(1, 3),
            "within": st.none() | st.integers(0, 40),
            "atMost": st.none() | st.integers(0, 500),
        }
    ),
).filter(bool)
allow_rules = st.builds(
    lambda glob, more: {"match": glob, **more},
    st.sampled_from(GLOBS),
    st.fixed_dictionaries(
        {},
        optional={
            "keep": keeps,
            "files": st.just(["dict.txt"]),
            "size": st.just(1),
            "sha256": st.just("a" * 64),
            "onMismatch": st.sampled_from(["report", "delete", "fail"]),
        },
    ),
)
globs = st.lists(st.sampled_from(GLOBS), unique=True, max_size=2)
plain_allows = st.lists(st.sampled_from(GLOBS), unique=True, max_size=3).map(lambda g: [{"match": one} for one in g])


def distinct(rules: list[dict[str, Any]], key: str = "match") -> list[dict[str, Any]]:
    return list({rule[key]: rule for rule in rules}.values())


def files_of(chosen: list[str], data: st.DataObject) -> list[FileFacts]:
    return [
        file(name, data.draw(st.sampled_from([1, 100, 200])), mtime_ns=(NOW - data.draw(ages)) * 10**9)
        for name in chosen
    ]


def judged(spec: dict[str, Any], files: list[FileFacts], context: Context) -> Difference:
    return compare(manifest(**spec), inventory(*files), context)


def deleted(difference: Difference) -> set[str]:
    return {decision.name for decision in difference.decisions if decision.verdict is Verdict.DELETE}


def specs(allow: st.SearchStrategy[list[dict[str, Any]]]) -> st.SearchStrategy[dict[str, Any]]:
    def whole(allowed: list[dict[str, Any]], deny: list[str], protect: list[str], grace: int) -> dict[str, Any]:
        allowed = [rule for rule in distinct(allowed) if rule["match"] not in deny]
        deny = [glob for glob in deny if glob not in protect]
        return {"allow": allowed, "deny": deny, "protect": protect, "grace": grace}

    return st.builds(whole, allow, globs, globs, st.sampled_from([0, 5]))


contexts = st.builds(
    lambda seen, protected, unprotect: Context(
        NOW,
        Memory({name: Sighting(NOW - age, 100, NOW * 10**9) for name, age in seen.items()}, frozenset(protected)),
        {name: Digest(("a" if age % 2 else "b") * 64) for name, age in seen.items()},
        frozenset(unprotect),
    ),
    st.dictionaries(st.sampled_from(NAMES), st.integers(0, 10)),
    names,
    names,
)


@given(specs(plain_allows), st.sampled_from(GLOBS), names, contexts, st.data())
def test_one_more_allow_rule_never_adds_a_deletion(
    spec: dict[str, Any], glob: str, chosen: list[str], context: Context, data: st.DataObject
) -> None:
    if glob in spec["deny"]:
        return  # the loader refuses it
    files = files_of(chosen, data)
    more = {**spec, "allow": distinct([*spec["allow"], {"match": glob}])}
    assert deleted(judged(more, files, context)) <= deleted(judged(spec, files, context))


@given(specs(st.lists(allow_rules, max_size=3)), names, contexts, st.data())
def test_a_set_is_never_split(spec: dict[str, Any], chosen: list[str], context: Context, data: st.DataObject) -> None:
    found = judged(spec, files_of(chosen, data), context).decisions
    for lead in {decision.lead for decision in found if decision.lead}:
        members = [decision for decision in found if decision.lead == lead]
        for verdict in (Verdict.DELETE, Verdict.GRACE):
            assert len({member.verdict is verdict for member in members}) == 1


@given(specs(st.lists(allow_rules, max_size=3)), names, contexts, st.data())
def test_what_is_no_model_goes_with_its_set_only_and_what_is_protected_never(
    spec: dict[str, Any], chosen: list[str], context: Context, data: st.DataObject
) -> None:
    files = files_of(chosen, data)
    alone = manifest(**spec, models={"sets": False})
    protected = {d.name for d in compare(alone, inventory(*files)).decisions if d.verdict is Verdict.PROTECTED}
    for decision in judged(spec, files, context).decisions:
        if decision.verdict is Verdict.DELETE:
            assert decision.name not in protected | (context.memory.protected - context.unprotect)
            assert decision.lead or not decision.name.endswith((".json", ".txt", "_data"))


@given(st.integers(1, 4), st.lists(st.integers(1, 30), unique=True))
def test_latest_keeps_exactly_the_highest_versions(count: int, versions: list[int]) -> None:
    units = [Unit(f"m_v{version}.bin", (file(f"m_v{version}.bin"),)) for version in versions]
    kept = retain(Keep(latest=count), units, NOW)
    highest = {f"m_v{version}.bin" for version in sorted(versions, reverse=True)[:count]}
    assert {name for name, one in kept.items() if one.stays} == highest


@given(st.integers(0, 40), st.lists(ages))
def test_within_keeps_exactly_what_is_young_enough(longest: int, given_ages: list[int]) -> None:
    units = [_unit(number, age, 1) for number, age in enumerate(given_ages)]
    kept = retain(Keep(within=float(longest)), units, NOW)
    assert {name for name, one in kept.items() if one.stays} == {
        f"{number}.bin" for number, age in enumerate(given_ages) if age <= longest
    }


@given(st.integers(0, 300), st.lists(st.tuples(ages, st.integers(0, 100)), min_size=1))
def test_at_most_keeps_the_newest_that_fit_and_no_fewer(cap: int, models: list[tuple[int, int]]) -> None:
    units = [_unit(number, age, size) for number, (age, size) in enumerate(models)]
    kept = retain(Keep(at_most=cap), units, NOW)
    staying = [unit for unit in units if kept[unit.name].stays]
    going = [unit for unit in units if not kept[unit.name].stays]
    used = sum(unit.files[0].size for unit in staying)
    assert staying
    assert used <= cap or len(staying) == 1
    if going:
        next_one = max(going, key=lambda unit: (unit.modified, unit.name))
        assert used + next_one.files[0].size > cap
        assert next_one.modified <= min(unit.modified for unit in staying)


def _unit(number: int, age: int, size: int) -> Unit:
    name = f"{number}.bin"
    return Unit(name, (file(name, size, inode=number, mtime_ns=(NOW - age) * 10**9),))


@given(st.text(max_size=40))
def test_any_text_has_a_version_or_none(text: str) -> None:
    version = version_of(text)
    assert version is None or version.text


@given(specs(st.lists(allow_rules, max_size=3)), names, contexts, st.data())
def test_memory_survives_its_text_and_a_second_look_changes_nothing(
    spec: dict[str, Any], chosen: list[str], context: Context, data: st.DataObject
) -> None:
    files = files_of(chosen, data)
    found = judged(spec, files, context).decisions
    memory = after(context.memory, found, NOW, grace=spec["grace"], applied=True)
    assert parse_memory(memory_text(memory)) == memory
    again = judged(spec, files, replace(context, memory=memory, now=NOW + 100.0))
    later = after(memory, again.decisions, NOW + 100, grace=spec["grace"], applied=False)
    for name in memory.unwanted.keys() & later.unwanted.keys():
        assert later.unwanted[name] == memory.unwanted[name]
