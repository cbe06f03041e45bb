"""The commands around the text of manifests, as they are typed."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAD = "apiVersion: ocr-reconcile/v1\nkind: ModelSet\nmetadata: {name: test}\n"


def run(cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "reconciler", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


def put(path: Path, spec: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + spec)
    return path


@pytest.mark.parametrize("name", ["validate", "render", "fmt", "allow", "deny", "remove", "pin", "init", "schema"])
def test_help_shows_examples(name: str, tmp_path: Path) -> None:
    done = run(tmp_path, name, "--help")
    assert done.returncode == 0
    assert f"ocr-reconcile {name}" in done.stdout.partition("Examples:")[2]


def test_validate_shows_faults_of_all_files_in_their_lines(tmp_path: Path) -> None:
    put(tmp_path / "one.yaml", "spec:\n  alow: [a.bin]\n")
    put(tmp_path / "below/two.yml", "spec: {allow: [/x.bin]}\n---\n" + HEAD + "spec: {deny: ['*.txt']}\n")
    (tmp_path / ".hidden.yaml").write_text("{")
    put(tmp_path / "good.yaml", "spec: {}\n")
    done = run(tmp_path, "validate", ".")
    assert done.returncode == 3
    assert done.stdout == "good.yaml: valid\n"
    assert done.stderr == (
        "error: one.yaml:5:3: `spec.alow`: no such key; did you mean `allow`?\n"
        "    5 |   alow: [a.bin]\n"
        "      |   ^\n"
        "error: below/two.yml:4:16: `/x.bin` can never be a model: it is an absolute path; "
        "write a name relative to the model directory\n"
        "    4 | spec: {allow: [/x.bin]}\n"
        "      |                ^\n"
        "warning: below/two.yml:9:15: `*.txt` in `deny` can never match a model: nothing in "
        "`models.include` matches it; add a glob for it there, or remove the rule\n"
        "    9 | spec: {deny: ['*.txt']}\n"
        "      |               ^\n"
    )
    document = json.loads(run(tmp_path, "validate", ".", "--format", "json").stdout)
    assert (document["outcome"], len(document["issues"]), len(document["warnings"])) == ("manifest-invalid", 2, 1)


def test_annotations_are_escaped(tmp_path: Path) -> None:
    name = "a,b:100%.yaml"
    put(tmp_path / name, 'spec:\n  deny: ["*.t%\\n::error::x"]\n')
    done = run(tmp_path, "validate", name, "--format", "github")
    assert done.returncode == 0
    (line,) = done.stdout.splitlines()
    assert line.startswith(
        "::warning file=a%2Cb%3A100%25.yaml,line=5,col=10::`*.t%25\\n::error::x` in `deny` can never"
    )


def test_the_excerpt_of_a_hostile_line_is_harmless(tmp_path: Path) -> None:
    put(tmp_path / "m.yaml", 'spec:\n  # é\n  alow: ["\u202e' + "x" * 500 + '"]\n')
    done = run(tmp_path, "validate", "m.yaml")
    assert "\\u202e" in done.stderr
    assert max(map(len, done.stderr.splitlines())) < 200
    assert done.stderr.splitlines()[2] == "      |   ^"


def test_set_reaches_every_command(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/a.bin").touch()
    spec = "spec:\n  variables: {D: {}}\n  modelPath: ${D}\n  discovery: [directory]\n  allow: [a.bin]\n"
    put(tmp_path / "m.yaml", spec)
    for command in (
        ["plan"],
        ["audit"],
        ["holders"],
        ["render"],
        ["apply", "--yes"],
        ["explain", "a.bin"],
        ["history"],
        ["purge"],
    ):
        assert run(tmp_path, *command, "-f", "m.yaml").returncode == 3, command
        done = run(tmp_path, *command, "-f", "m.yaml", "--set", "D=models")
        assert done.returncode == 0, (command, done.stderr)
    assert "`${D}` has no value" in run(tmp_path, "validate", "m.yaml").stderr
    assert run(tmp_path, "validate", "m.yaml", "--set", "D=models").returncode == 0
    for bad in (["--set", "D"], ["--set", "=x"], ["--set", "D=x", "--set", "D=y"]):
        assert run(tmp_path, "validate", "m.yaml", *bad).returncode == 64


def test_a_plan_takes_one_document(tmp_path: Path) -> None:
    put(tmp_path / "m.yaml", "spec: {}\n---\n" + HEAD + "spec: {}\n")
    done = run(tmp_path, "plan", "-f", "m.yaml")
    assert done.returncode == 3
    assert "m.yaml:5:1: a second document in one file; put it into a file of its own" in done.stderr


def test_render_divides_documents(tmp_path: Path) -> None:
    put(tmp_path / "m.yaml", "spec: {}\n---\n" + HEAD + "spec: {allow: [a.bin]}\n")
    done = run(tmp_path, "render", "-f", "m.yaml")
    assert done.stdout.count("\n---\n") == 1
    (tmp_path / "again.yaml").write_text(done.stdout)
    assert run(tmp_path, "render", "-f", "again.yaml").stdout == done.stdout


def test_fmt(tmp_path: Path) -> None:
    path = put(tmp_path / "m.yaml", "spec:\n deny: [x*]  # no\n allow:\n - a.bin\n")
    os.chmod(path, 0o640)
    before = path.read_text()
    done = run(tmp_path, "fmt", "--check", ".")
    assert (done.returncode, done.stdout, path.read_text()) == (1, "m.yaml: would be formatted\n", before)
    assert run(tmp_path, "fmt", ".").returncode == 0
    assert path.read_text() == HEAD + "spec:\n  allow:\n    - a.bin\n  deny: [x*]  # no\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert run(tmp_path, "fmt", "--check", ".").returncode == 0
    path.write_text(before + " alow: 3\n")
    assert run(tmp_path, "fmt", "m.yaml").returncode == 3
    assert os.listdir(tmp_path) == ["m.yaml"]


def test_edits(tmp_path: Path) -> None:
    path = put(tmp_path / "m.yaml", "spec:\n  allow:\n    - a.bin  # first\n")
    assert run(tmp_path, "allow", "-f", "m.yaml", "b.bin", "a.bin").stdout == "m.yaml: changed\n"
    assert run(tmp_path, "allow", "-f", "m.yaml", "b.bin").stdout == "m.yaml: nothing to change\n"
    assert run(tmp_path, "deny", "-f", "m.yaml", "old_*", "--reason", "too old").returncode == 0
    assert run(tmp_path, "remove", "-f", "m.yaml", "a.bin").returncode == 0
    assert path.read_text() == HEAD + (
        'spec:\n  allow:\n    - b.bin\n  deny:\n    - match: "old_*"\n      reason: too old\n'
    )
    before = path.read_bytes()
    assert run(tmp_path, "remove", "-f", "m.yaml", "zzz.bin").returncode == 64
    assert run(tmp_path, "deny", "-f", "m.yaml", "b.bin").returncode == 3
    assert path.read_bytes() == before


def test_init_and_pin(tmp_path: Path) -> None:
    models = tmp_path / "models"
    (models / "org").mkdir(parents=True)
    (models / "a.bin").write_bytes(b"one")
    (models / "org/x ${y}: #.gguf").write_bytes(b"two")
    (models / "readme.txt").touch()
    (models / os.fsdecode(b"b\xff.bin")).touch()
    done = run(tmp_path, "init", "--models", "models", "--pin")
    assert (done.returncode, "b\\xff.bin: left out" in done.stderr) == (0, True)
    (tmp_path / "pinned.yaml").write_text(done.stdout)
    (tmp_path / "plain.yaml").write_text(run(tmp_path, "init", "--models", "models").stdout)
    assert run(tmp_path, "pin", "-f", "plain.yaml").returncode == 0
    assert (tmp_path / "plain.yaml").read_text() == done.stdout
    assert hashlib.sha256(b"one").hexdigest() in done.stdout
    assert run(tmp_path, "fmt", "--check", "plain.yaml").returncode == 0
    assert run(tmp_path, "plan", "-f", "plain.yaml", "--detailed-exitcode").returncode in {2, 8}
    (models / "a.bin").unlink()
    (models / "a.bin").symlink_to("readme.txt")
    missing = run(tmp_path, "pin", "-f", "plain.yaml", "a.bin")
    assert (missing.returncode, "models/a.bin: cannot be pinned: it is a symbolic link" in missing.stderr) == (8, True)
    assert run(tmp_path, "pin", "-f", "plain.yaml", "zzz.bin").returncode == 64


def test_pin_leaves_out_what_a_variable_names_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    for name in ("a.bin", "b.bin", "${c}.bin"):
        (tmp_path / "models" / name).write_bytes(b"one")
    rules = "  allow: ['${A}.bin', b.bin, '$${c}.bin']\n"
    path = put(tmp_path / "m.yaml", "spec:\n  variables: {A: {default: a}}\n  modelPath: models\n" + rules)
    before = path.read_bytes()
    done = run(tmp_path, "pin", "-f", "m.yaml", "a.bin")
    assert (done.returncode, path.read_bytes()) == (64, before)
    assert "'a.bin': its rule names it with a variable" in done.stderr
    assert "; allow it by its full name first" in done.stderr
    done = run(tmp_path, "pin", "-f", "m.yaml")
    assert (done.returncode, done.stdout) == (0, "m.yaml: changed\n")
    assert "warning: a.bin: not pinned: its rule names it with a variable" in done.stderr
    assert path.read_text().count("size: 3") == 2
    assert "['${A}.bin', {name: b.bin, size: 3" in path.read_text()


def test_schema(tmp_path: Path) -> None:
    done = run(tmp_path, "schema")
    assert json.loads(done.stdout)["$schema"] == "http://json-schema.org/draft-07/schema#"


def test_a_working_directory_that_is_gone_is_said_only_where_it_matters(tmp_path: Path) -> None:
    path = put(tmp_path / "m.yaml", "spec: {}\n")
    code = (
        "import os, sys; d = sys.argv[1] + '/gone'; os.mkdir(d); os.chdir(d); os.rmdir(d)\n"
        "from reconciler.manifest.loader import load_manifest, parse_manifest\n"
        "from reconciler.errors import ManifestError\n"
        "load_manifest(sys.argv[2])\n"
        "try: parse_manifest(open(sys.argv[2], 'rb').read(), 'm.yaml')\n"
        "except ManifestError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), str(path)],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout == "m.yaml: the working directory is gone; change to one, or give an absolute path\n", (
        done.stderr
    )
