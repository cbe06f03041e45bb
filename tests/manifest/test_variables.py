from __future__ import annotations

import pytest

from reconciler.errors import ManifestError
from reconciler.manifest.loader import parse_manifest

HEAD = "apiVersion: ocr-reconcile/v1\nkind: ModelSet\nmetadata: {name: test}\nspec:\n"
DECLARED = """\
  variables:
    SITE: {default: berlin}
    MOST: {type: integer, default: 5}
    PERCENT: {type: number}
    MUST: {type: boolean, default: true}
"""


def load(spec: str, **settings: str) -> object:
    return parse_manifest((HEAD + DECLARED + spec).encode(), "m.yaml", settings).spec


def faults(spec: str, **settings: str) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        load(spec, **settings)
    return [str(issue) for issue in caught.value.issues]


def test_a_variable_has_its_type_alone_and_is_text_in_a_text() -> None:
    spec = parse_manifest(
        (
            HEAD
            + DECLARED
            + "  modelPath: /srv/${SITE}/${MOST}-${MUST}\n"
            + "  allow: [{name: a.bin, required: '${MUST}'}, '$${SITE}.bin']\n"
            + "  limits: {maxDeletions: '${MOST}', maxDeletePercent: '${PERCENT}'}\n"
        ).encode(),
        "m.yaml",
        {"PERCENT": "12.5", "SITE": "${MOST}"},
    ).spec
    assert spec.model_path == "/srv/${MOST}/5-true"
    assert (spec.allow[0].required, spec.allow[1].name) == (True, "${SITE}.bin")
    assert (spec.limits.max_deletions, spec.limits.max_delete_percent) == (5, 12.5)
    assert (spec.variables, spec.extends) == ({}, ())


@pytest.mark.parametrize(
    ("spec", "settings", "expected"),
    [
        ("  modelPath: ${NOPE}\n", {}, "m.yaml:10:14: `${NOPE}` is not declared; declare it"),
        ("  limits: {maxDeletePercent: '${PERCENT}'}\n", {}, "m.yaml:10:30: `${PERCENT}` has no value; give it one"),
        ("  modelPath: x${SITE\n", {}, "m.yaml:10:14: `${SITE` is not a variable; write `${NAME}`, or `$${`"),
        ("  modelPath: ${}\n", {}, "m.yaml:10:14: `${}` is not a variable"),
        ("  modelPath: ${SITE}\n", {"SITE": ""}, "m.yaml:6:11: variable `SITE`: --set SITE= is empty"),
        ("  protect: []\n", {"MOST": "x"}, "m.yaml:7:11: variable `MOST`: --set MOST=x is not of type integer"),
        ("  protect: []\n", {"MOST": "true"}, "m.yaml:7:11: variable `MOST`: --set MOST=true is not of type integer"),
        ("  protect: []\n", {"NOPE": "x"}, "m.yaml:6:5: --set NOPE: no such variable; declare it"),
    ],
)
def test_faults(spec: str, settings: dict[str, str], expected: str) -> None:
    (found,) = faults(spec, **settings)
    assert found.startswith(expected)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ("[]", "`spec.variables`: expected a mapping"),
        ("{a-b: {}}", "`a-b` is not the name of a variable"),
        ("{A: {type: text}}", "`spec.variables.A.type`: expected"),
        ("{A: {default: []}}", "variable `A`: the default is not of type string"),
        ("{A: {default: ''}}", "variable `A`: the default is empty"),
        ("{A: {type: integer, default: 1.5}}", "variable `A`: the default is not of type integer"),
        ("{A: 3}", "`spec.variables.A`: expected a mapping"),
    ],
)
def test_declarations(variables: str, expected: str) -> None:
    with pytest.raises(ManifestError) as caught:
        parse_manifest((HEAD + f"  variables: {variables}\n").encode(), "m.yaml")
    assert any(expected in str(issue) for issue in caught.value.issues), caught.value


def test_the_digest_covers_the_settings_and_an_alias_is_put_in_once() -> None:
    data = (
        HEAD + DECLARED + "  deny: &x ['$${SITE}${SITE}']\n  protect: [{match: '*.x', reason: '${SITE}'}]\n"
    ).encode()
    plain, other = (parse_manifest(data, "m.yaml", settings) for settings in ({}, {"SITE": "rome"}))
    assert plain.digest != other.digest
    assert other.spec.deny[0].match == "${SITE}rome"
