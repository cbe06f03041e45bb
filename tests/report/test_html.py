"""The page as text: what a browser is told before it has read a single name."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.names import printable
from reconciler.planning.verdicts import Verdict
from reconciler.report.html import history_page, plan_page
from reconciler.report.rows import STATUS
from tests.planning.build import file, inventory, manifest, plan

NAMES = st.text(st.characters(exclude_characters="/\0") | st.sampled_from("<>&\"'\u2028\u202e\udcff`"), min_size=1)


def page(*names: str) -> str:
    return plan_page(plan(manifest(), inventory(*(file(f"{name}.bin") for name in names))), [], base="/")


def data(text: str) -> Any:
    found = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert len(found) == 1
    return json.loads(found[0])


@settings(max_examples=40, deadline=None)  # each renders two pages of 300 KB
@given(st.sets(NAMES, max_size=5))
def test_no_name_leaves_the_data(names: set[str]) -> None:
    text = page(*names)
    text.encode()  # no lone surrogate is left
    assert [row["name"] for row in data(text)["models"]] == [
        printable(name) for name in sorted(f"{name}.bin" for name in names)
    ]
    quiet, ours = (re.sub(r'(id="data">).*?(</script>)', r"\1\2", page_, flags=re.DOTALL) for page_ in (page(), text))
    assert quiet.count("<") == ours.count("<") - 4 * bool(names)  # the notice of the guard: a list and its entry


def test_the_data_cannot_end_its_element() -> None:
    text = page("</script><script>alert(1)//", "<!--<script>", "&\u2028")
    raw = re.findall(r'id="data">(.*?)</script>', text, re.DOTALL)[0]
    assert not set(raw) & set("<>&\u2028")


def test_the_policy_allows_what_the_page_carries_and_nothing_else() -> None:
    text = page("a")
    (policy,) = re.findall(r'Content-Security-Policy" content="(.*?)"', text)
    rules = dict(rule.split(" ", 1) for rule in policy.replace("&#39;", "'").split("; "))
    assert (rules.pop("default-src"), rules.pop("base-uri"), rules.pop("form-action")) == ("'none'",) * 3
    assert rules.pop("require-trusted-types-for") == "'script'"
    scripts, styles = (
        re.findall(r"<script>(.*?)</script>", text, re.DOTALL),
        re.findall(r"<style>(.*?)</style>", text, re.DOTALL),
    )
    assert rules == {"script-src": " ".join(map(hash_of, scripts)), "style-src": " ".join(map(hash_of, styles))}


def hash_of(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_the_licence_of_what_is_carried_comes_along() -> None:
    assert "this permission notice appear in all copies" in page("a")


def test_every_verdict_has_its_state() -> None:
    assert data(page("a"))["states"] == {verdict.value: STATUS[verdict] for verdict in Verdict}


def test_an_empty_history_has_a_page() -> None:
    parsed = data(history_page([], "/srv/models", []))
    assert (parsed["models"], parsed["runs"]) == ([], [])


def test_a_history_shows_what_is_there_now() -> None:
    text = history_page([], "/srv/models", [file("a.bin", 5)])
    shown = [(row["state"], row["name"], row["adds"]) for row in data(text)["models"]]
    assert shown == [("present", "a.bin", 5)]
    assert 'class="alerts" aria-label' not in text


def test_what_cannot_be_known_is_said() -> None:
    text = history_page([], "/srv/models", None, ["/srv/models: <b> cannot be read"])
    assert "<li>/srv/models: &lt;b&gt; cannot be read</li>" in text
    assert "there now</span>" not in text
    text = plan_page(plan(manifest(), inventory(file("a.bin"))), [], base="/", fault="the journal is damaged")
    assert "What was done before is not shown: the journal is damaged" in text
