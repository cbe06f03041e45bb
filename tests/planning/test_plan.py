"""Rules that hold for every manifest and every directory."""

from __future__ import annotations

from fnmatch import fnmatchcase

from hypothesis import given
from hypothesis import strategies as st

from reconciler.facts import FileFacts, Inventory
from reconciler.planning.planfile import parse_plan, plan_text
from reconciler.planning.verdicts import Verdict
from tests.planning.build import file, inventory, manifest, plan

Rules = list[dict[str, object]]
Spec = dict[str, Rules]

NAMES = [f"{stem}.{suffix}" for stem in ("a", "b", "old_a", "sub/a", "sub/b", "\n\x1b[1m") for suffix in ("bin", "txt")]
HOSTILE_NAMES = ["raw\udcff.bin", "sub/\u202e.bin"]
GLOBS = ["*.bin", "old_*", "sub/*", "**/*.bin", "a.*", "**/a.bin", "?.bin", "sub/[ab].bin"]


def _rules(exact: str, *, of: list[str]) -> st.SearchStrategy[Rules]:
    names = st.sampled_from([name for name in NAMES if name.endswith("bin")]).map(lambda name: {exact: name})
    globs = st.sampled_from(of).map(lambda glob: {"match": glob})
    return st.lists(st.one_of(names, globs), max_size=4, unique_by=str)


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    """Rules that do not contradict each other: a subject that one section has, the next has not."""
    spec: Spec = {}
    taken: set[str] = set()
    for section in ("protect", "deny", "allow"):
        rules = [rule for rule in draw(_rules("name", of=GLOBS)) if str(rule) not in taken]
        taken |= {str(rule) for rule in rules}
        spec[section] = rules
    return spec


@st.composite
def inventories(draw: st.DrawFn) -> Inventory:
    names = draw(st.sets(st.sampled_from(NAMES + HOSTILE_NAMES)))
    files = [file(name, draw(st.integers(0, 10**12)), inode=draw(st.integers(1, 5))) for name in sorted(names)]
    links = draw(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(sorted(names) or [""]), max_size=2))
    aliases = {link: target for link, target in links.items() if names and link not in names}
    return inventory(*files, aliases=aliases)


def matched(rules: Rules, name: str) -> bool:
    """Whether some rule matches, by the definition of the globs used here and not by the code under test."""
    return any(rule.get("name") == name or ("match" in rule and _glob(str(rule["match"]), name)) for rule in rules)


def _glob(glob: str, name: str) -> bool:
    if glob.startswith("**/"):
        return fnmatchcase(name.rpartition("/")[2], glob[3:])
    return glob.count("/") == name.count("/") and fnmatchcase(name, glob)


@given(specs(), inventories())
def test_only_unprotected_and_unallowed_models_are_deleted(spec: Spec, found: Inventory) -> None:
    made = plan(manifest(**spec), found)
    there = {entry.name: entry for entry in found.files}
    for decision in made.deletions:
        name = decision.name
        assert decision.file == there[name]
        assert name.endswith(".bin"), "not matched by models.include"
        assert not matched(spec["protect"], name)
        assert matched(spec["deny"], name) or not matched(spec["allow"], name)
        for alias, target in found.aliases.items():
            wanted = matched(spec["protect"], alias) or (
                matched(spec["allow"], alias) and not matched(spec["deny"], alias)
            )
            assert not (wanted and there[target].identity == there[name].identity)


@given(specs(), inventories())
def test_everything_else_that_is_there_is_not_deleted_and_every_decision_has_a_reason(
    spec: Spec, found: Inventory
) -> None:
    made = plan(manifest(**spec), found)
    assert {decision.name for decision in made.decisions} >= {entry.name for entry in found.files}
    assert len({decision.name for decision in made.decisions}) == len(made.decisions)
    models = {entry for entry in found.files if entry.name.endswith(".bin")}
    assert set(made.doomed) | set(made.kept) == models
    assert not set(made.doomed) & set(made.kept)
    assert all(decision.reason for decision in made.decisions)
    denied = {entry.name for entry in found.files if entry.name.endswith(".bin") and matched(spec["deny"], entry.name)}
    unlinked = {name for name in denied if not found.aliases and not matched(spec["protect"], name)}
    assert unlinked <= {decision.name for decision in made.deletions}, "a denied model stays"


@given(specs(), inventories(), _rules("name", of=GLOBS))
def test_one_more_allow_rule_never_deletes_more(spec: Spec, found: Inventory, more: Rules) -> None:
    known = [str(rule) for rules in spec.values() for rule in rules]
    wider = {**spec, "allow": spec["allow"] + [rule for rule in more if str(rule) not in known]}
    before, after = plan(manifest(**spec), found), plan(manifest(**wider), found)
    assert {d.name for d in after.deletions} <= {d.name for d in before.deletions}


@given(specs(), inventories())
def test_after_the_deletions_there_is_nothing_to_do(spec: Spec, found: Inventory) -> None:
    doomed = {decision.name for decision in plan(manifest(**spec), found).deletions}
    left = [entry for entry in found.files if entry.name not in doomed]
    aliases = {alias: target for alias, target in found.aliases.items() if target not in doomed}
    after = plan(manifest(**spec), inventory(*left, aliases=aliases))
    assert after.deletions == ()
    assert set(after.kept) == {entry for entry in left if entry.name.endswith(".bin")}


@given(specs(), inventories(), st.randoms())
def test_equal_inputs_give_equal_bytes_in_any_order(spec: Spec, found: Inventory, random: object) -> None:
    shuffled = list(found.files)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    other = Inventory(found.directory, tuple(shuffled), aliases=dict(reversed(list(found.aliases.items()))))
    one, two = plan(manifest(**spec), found), plan(manifest(**spec), other)
    assert plan_text(one) == plan_text(two)
    assert one.digest == two.digest


@given(specs(), inventories())
def test_a_plan_file_gives_the_plan_back(spec: Spec, found: Inventory) -> None:
    made = plan(manifest(**spec), found)
    again = parse_plan(plan_text(made), "plan.json")
    assert again == made
    assert again.digest == made.digest


def test_sums() -> None:
    files = [file("old1.bin", 10, inode=1), file("old2.bin", 10, inode=1), file("old3.bin", 5, inode=2)]
    made = plan(manifest(allow=["a.bin", "gone.bin"]), inventory("a.bin", "README", *files))
    assert made.bytes_to_delete == 15
    assert {verdict: made.counts[verdict] for verdict in made.counts} == {
        Verdict.DELETE: 3,
        Verdict.KEEP: 1,
        Verdict.MISSING: 1,
        Verdict.IGNORED: 1,
    }
    assert all(isinstance(entry, FileFacts) for entry in made.doomed)
