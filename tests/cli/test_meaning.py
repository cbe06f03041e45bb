"""`explain` and `diff`: why a verdict is what it is, and what a change would do."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import MANIFEST, Run

OLD = MANIFEST + '  allow: [en.bin, {match: "old_*", size: 5}]\n'


@pytest.fixture
def old(site: Path) -> Path:
    (site / "old.yaml").write_text(OLD)
    return site


def commit(site: Path) -> None:
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "t"],
    ):
        subprocess.run(["git", *command], cwd=site, check=True)


class TestExplain:
    def test_a_deleted_model(self, site: Path, run: Run) -> None:
        done = run("explain", "old_fr.bin", "-f", "models.yaml")
        assert done.stdout == (
            "old_fr.bin: OLD, because no rule allows it\n\n"
            "Asked in this order:\n"
            "  models.include  matches: it is a model\n"
            "  protect         0 rules, none matches\n"
            "  deny            0 rules, none matches\n"
            "  allow           1 rule, none matches\n"
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert sorted(path.name for path in (site / "models").iterdir()) == ["en.bin", "old_fr.bin"]

    def test_every_rule_that_matches_and_the_one_that_decides(self, site: Path, run: Run) -> None:
        (site / "models.yaml").write_text(OLD + '  deny: ["old_f*"]\n')
        told = json.loads(run("explain", "old_fr.bin", "-f", "models.yaml", "--format", "json").stdout)
        assert told["verdict"] == "delete"
        rules = [(rule["section"], rule["rule"], rule["decides"]) for rule in told["matching"]]
        assert rules == [("deny", 'match "old_f*"', True), ("allow", 'match "old_*"', False)]
        assert told["matching"][0]["place"][1] == 8

    def test_a_set_names_its_members(self, site: Path, run: Run) -> None:
        (site / "models/en.json").write_text("{}")
        done = run("explain", "en.json", "-f", "models.yaml")
        assert "en.json: CURRENT, because belongs with en.bin" in done.stdout
        assert "does not match: by itself it is left alone" in done.stdout
        assert "  set             en.bin, en.json\n" in done.stdout

    def test_a_name_that_is_not_there(self, site: Path, run: Run) -> None:
        assert site
        done = run("explain", "\x1b.bin", "-f", "models.yaml")
        assert done.stdout.startswith("\\x1b.bin: not there, and no rule asks for it by name\n")


class TestDiff:
    def test_rules_and_models(self, old: Path, run: Run) -> None:
        assert old
        done = run("diff", "old.yaml", "models.yaml", "--models", "models")
        rules, models = done.stdout.split("\n\n")
        assert rules == 'allow: match "old_*" is gone [old.yaml:7:19]'
        assert models.startswith("deletes     old_fr.bin (5 bytes): no rule allows it\n")
        assert "This change deletes 1 model, 5 bytes, on " in models

    def test_values_are_told_in_the_words_of_the_manifest(self, site: Path, run: Run) -> None:
        rule = "{match: 'a*', required: true, keep: {latest: 2}}"
        (site / "new.yaml").write_text(MANIFEST + f"  allow: [en.bin, {rule}]\n  limits: {{maxDeletions: 3}}\n")
        assert run("diff", "models.yaml", "new.yaml").stdout == (
            'allow: match "a*" is new (required true, keep {latest: 2}) [new.yaml:7:19]\n'
            "spec.limits.maxDeletions is 3, it was not set\n"
        )

    def test_the_other_way_spares_it(self, old: Path, run: Run) -> None:
        assert old
        told = json.loads(run("diff", "models.yaml", "old.yaml", "--models", "models", "--format", "json").stdout)
        assert [change["text"] for change in told["changes"]] == ['allow: match "old_*" is new (size 5)']
        assert told["impact"] == {"deleted": [], "bytes_deleted": 0, "spared": ["old_fr.bin"], "other": []}

    def test_a_saved_listing(self, old: Path, run: Run) -> None:
        (old / "host1.json").write_text(run("list", "--models", "models", "--no-engine", "--format", "json").stdout)
        (old / "models/old_fr.bin").unlink()
        done = run("diff", "old.yaml", "models.yaml", "--inventory", "host1.json")
        assert done.stdout.endswith("This change deletes 1 model, 5 bytes, on the host of host1.json.\n")

    def test_a_revision(self, old: Path, run: Run) -> None:
        commit(old)
        (old / "models.yaml").write_text(OLD)
        done = run("diff", "HEAD:models.yaml", "models.yaml")
        assert done.stdout == 'allow: match "old_*" is new (size 5) [models.yaml:7:19]\n'
        assert run("diff", "HEAD:models.yaml", "HEAD:models.yaml").stdout == "The manifests mean the same.\n"

    def test_what_a_manifest_of_a_revision_extends_is_of_that_revision_too(self, old: Path, run: Run) -> None:
        (old / "shared").mkdir()
        (old / "hosts").mkdir()
        head = MANIFEST.partition("spec:")[0] + "spec:\n"
        (old / "shared/base.yaml").write_text(head + "  modelPath: ../models\n  allow: [a.bin]\n")
        (old / "hosts/one.yaml").write_text(head + "  extends: [../shared/base.yaml]\n  deny: [b.bin]\n")
        commit(old)
        (old / "shared/base.yaml").write_text(head + "  modelPath: ../models\n  allow: [a.bin, c.bin]\n")
        done = run("diff", "HEAD:hosts/one.yaml", "hosts/one.yaml")
        assert done.stdout == 'allow: name "c.bin" is new [shared/base.yaml:6:18]\n'
        done = run("diff", "hosts/one.yaml", "HEAD:hosts/one.yaml")
        assert done.stdout == 'allow: name "c.bin" is gone [shared/base.yaml:6:18]\n'
        (old / "shared/base.yaml").unlink()
        assert run("diff", "HEAD:hosts/one.yaml", "HEAD:hosts/one.yaml").returncode == 0

    @pytest.mark.parametrize(
        ("extends", "told"),
        [
            ("one.yaml", "HEAD:hosts/one.yaml:5:13: `one.yaml` extends this file in turn"),
            ("../../out.yaml", "HEAD:hosts/one.yaml:5:13: `../../out.yaml` is outside of "),
            ("two.yaml", "HEAD:hosts/one.yaml:5:13: HEAD:hosts/two.yaml: path 'hosts/two.yaml' "),
            ("link.yaml", "HEAD:hosts/link.yaml:1:1: `apiVersion` is missing"),
            ("broken.yaml", "HEAD:hosts/broken.yaml:1:3: not YAML"),
        ],
    )
    def test_what_a_manifest_of_a_revision_cannot_extend(self, old: Path, run: Run, extends: str, told: str) -> None:
        (old / "hosts").mkdir()
        (old / "hosts/broken.yaml").write_text("{ ]")
        (old / "hosts/link.yaml").symlink_to("../models.yaml")
        head = MANIFEST.partition("spec:")[0]
        (old / "hosts/one.yaml").write_text(f"{head}spec:\n  extends: [{extends}]\n")
        commit(old)
        (old / "hosts/two.yaml").write_text(head + "spec: {}\n")
        done = run("diff", "HEAD:hosts/one.yaml", "models.yaml")
        assert done.returncode == 3
        assert told in done.stderr

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (("--output=x:y", "models.yaml"), "No such option"),
            (("--", "--output=x:models.yaml", "models.yaml"), "not a revision of Git"),
            (("nowhere:models.yaml", "models.yaml"), "name a file, or REV:path in this repository"),
            (("old.yaml", "models.yaml", "--inventory", "models.yaml"), "not a listing"),
            (("old.yaml", "models.yaml", "--inventory", "gone.json"), "cannot be read"),
            (("old.yaml", "models.yaml", "--inventory", "x", "--models", "y"), "exclude each other"),
        ],
    )
    def test_refused(self, old: Path, run: Run, arguments: tuple[str, ...], told: str) -> None:
        done = run("diff", *arguments)
        assert done.returncode == 64
        assert told in done.stderr
        assert sorted(path.name for path in old.iterdir()) == ["models", "models.yaml", "old.yaml"]


class TestRemembered:
    def test_audit_records_and_plan_says_when_it_is_due(self, site: Path, run: Run) -> None:
        (site / "models.yaml").write_text(MANIFEST + "  grace: 3d\n  allow: [en.bin]\n")
        assert "not seen so before" in run("plan", "-f", "models.yaml").stdout
        assert not (site / "models/.ocr-reconcile").exists()
        assert run("audit", "-f", "models.yaml", "--record").returncode == 0
        done = run("plan", "-f", "models.yaml")
        assert "GRACE" in done.stdout
        assert "seen so since" in done.stdout

    def test_verify_and_unprotect(self, site: Path, run: Run) -> None:
        rule = f"{{name: en.bin, sha256: {'0' * 64}, onMismatch: fail}}"
        (site / "models.yaml").write_text(MANIFEST + f"  allow: [{rule}]\n  protect: [old_fr.bin]\n")
        cache = {"XDG_CACHE_HOME": str(site / "cache")}
        assert run("plan", "-f", "models.yaml", env=cache).returncode == 0
        done = run("plan", "-f", "models.yaml", "--verify", env=cache)
        assert done.returncode == 4
        assert "blocked by guard mismatch" in done.stdout
        assert run("apply", "-f", "models.yaml", "--yes").returncode == 0
        (site / "models.yaml").write_text(MANIFEST + "  allow: [en.bin]\n")
        assert "only the last applied manifest protects it" in run("plan", "-f", "models.yaml").stdout
        assert run("apply", "-f", "models.yaml", "--yes", "--unprotect", "old_fr.bin").returncode == 0
        assert not (site / "models/old_fr.bin").exists()
