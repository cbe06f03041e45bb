"""`--metrics-file` and traces, through the real command."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

MANIFEST = """\
apiVersion: ocr-reconcile/v1
kind: ModelSet
metadata: {{name: {name}}}
spec:
  modelPath: {models}
  discovery: [directory]
  allow: [kept.gguf, wanted.gguf]
  quarantine: {{retain: 1d}}
  release: {{wait: 0}}
"""
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Metrics = dict[str, dict[str, float]]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    directory = tmp_path / "models"
    directory.mkdir()
    for name in ("kept.gguf", "old.gguf"):
        (directory / name).write_bytes(b"m" * 10_000)
    (tmp_path / "models.yaml").write_text(MANIFEST.format(name="demo", models=directory))
    return directory


@pytest.fixture
def run(tmp_path: Path, models: Path) -> Run:  # noqa: ARG001  # its manifest is there
    def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "TRACE"))}
        command = [sys.executable, "-m", "reconciler", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=False, env={**clean, **environment}
        )

    return call


def read(path: Path) -> Metrics:
    """Every sample by its name without the prefix, and by the values of its own labels."""
    found: Metrics = {}
    for family in text_string_to_metric_families(path.read_text()):
        for sample in family.samples:
            own = [value for label, value in sample.labels.items() if label not in {"command", "manifest"}]
            found.setdefault(sample.name.removeprefix("ocr_reconcile_"), {})[",".join(own)] = sample.value
    return found


def test_a_plan(run: Run, tmp_path: Path):
    assert run("plan", "-f", "models.yaml", "--metrics-file", "plan.prom").returncode == 0
    found = read(tmp_path / "plan.prom")
    assert found["models"] | {"delete": 1, "keep": 1, "missing": 1} == found["models"]
    assert found["planned_bytes"] == {"": 10_000}
    assert found["last_run_success"] == {"": 1}
    assert found["last_run_outcome"] == {"0,done": 1}
    assert {"manifest", "scan", "compare"} <= found["phase_duration_seconds"].keys()
    assert set(found["guard_blocked"].values()) == {0}
    assert "models_deleted" not in found
    assert list(tmp_path.glob("plan.prom*")) == [tmp_path / "plan.prom"]


def test_pending_changes_are_a_success(run: Run, tmp_path: Path):
    assert run("plan", "-f", "models.yaml", "--detailed-exitcode", "--metrics-file", "plan.prom").returncode == 2
    found = read(tmp_path / "plan.prom")
    assert found["last_run_outcome"] == {"2,changes": 1}
    assert found["last_run_success"] == {"": 1}


def test_an_apply_into_quarantine_and_its_purge(run: Run, tmp_path: Path, models: Path):
    apply = ("apply", "-f", "models.yaml", "--yes", "--metrics-file", "apply.prom")
    assert run(*apply).returncode == 0
    found = read(tmp_path / "apply.prom")
    assert found["models_deleted"] == {"": 1}
    assert found["models_held"] == {"": 0}
    assert found["quarantine_bytes"][""] >= 10_000
    assert found["freed_expected_bytes"] == found["freed_measured_bytes"] == {"": 0}
    assert {"prove", "transaction", "verify", "release"} <= found["phase_duration_seconds"].keys()

    (models / "old.gguf").write_bytes(b"m" * 10_000)
    manifest = tmp_path / "models.yaml"
    manifest.write_text(manifest.read_text().replace("1d", "0"))
    assert run(*apply).returncode == 0
    found = read(tmp_path / "apply.prom")
    assert found["freed_expected_bytes"][""] >= 10_000
    assert found["models_deleted"] == {"": 1}


def test_a_guard_that_blocks_keeps_the_last_success(run: Run, tmp_path: Path):
    apply = ("apply", "-f", "models.yaml", "--yes", "--metrics-file", "apply.prom")
    assert run("apply", "-f", "models.yaml", "--yes", "--metrics-file", "apply.prom").returncode == 0
    before = read(tmp_path / "apply.prom")
    manifest = tmp_path / "models.yaml"
    manifest.write_text(manifest.read_text().replace("[kept.gguf, wanted.gguf]", "[wanted.gguf]"))
    assert run(*apply).returncode == 4
    found = read(tmp_path / "apply.prom")
    assert found["guard_blocked"]["min-keep"] == 1
    assert found["last_run_success"] == {"": 0}
    assert found["last_run_outcome"] == {"4,blocked": 1}
    assert found["last_success_timestamp_seconds"] == before["last_success_timestamp_seconds"]
    assert found["last_run_timestamp_seconds"][""] > before["last_run_timestamp_seconds"][""]


def test_a_held_model_is_counted(run: Run, tmp_path: Path, models: Path):
    with open(models / "old.gguf", "rb"):
        assert run("apply", "-f", "models.yaml", "--yes", "--metrics-file", "apply.prom").returncode == 6
    found = read(tmp_path / "apply.prom")
    assert found["models_held"] == {"": 1}
    assert found["models_deleted"] == {"": 0}


def test_a_failure_before_the_plan_has_no_counts(run: Run, tmp_path: Path):
    (tmp_path / "models.yaml").write_text("kind: Nothing\n")
    assert run("audit", "-f", "models.yaml", "--metrics-file", "audit.prom").returncode == 3
    found = read(tmp_path / "audit.prom")
    assert found["last_run_outcome"] == {"3,manifest-invalid": 1}
    assert not found.keys() & {"models", "planned_bytes", "quarantine_bytes", "models_held", "guard_blocked"}
    assert "last_success_timestamp_seconds" not in found


def test_a_missing_directory_is_found_before_the_run(run: Run, models: Path):
    done = run("apply", "-f", "models.yaml", "--yes", "--metrics-file", "none/apply.prom")
    assert done.returncode == 64
    assert "--metrics-file" in done.stderr
    assert (models / "old.gguf").exists()


def test_metrics_that_cannot_be_written_do_not_fail_a_run(run: Run, tmp_path: Path, models: Path):
    (tmp_path / "apply.prom").mkdir()
    done = run("apply", "-f", "models.yaml", "--yes", "--metrics-file", "apply.prom")
    assert done.returncode == 0
    assert "the metrics cannot be written" in done.stderr
    assert not (models / "old.gguf").exists()


def test_a_file_that_is_not_ours_is_replaced(run: Run, tmp_path: Path):
    (tmp_path / "plan.prom").write_bytes(b"\xff{{{")
    assert run("plan", "-f", "models.yaml", "--metrics-file", "plan.prom").returncode == 0
    assert read(tmp_path / "plan.prom")["last_run_success"] == {"": 1}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool (Debian: prometheus)")
@pytest.mark.parametrize("arguments", [("plan",), ("audit",), ("apply", "--yes")], ids=lambda words: words[0])
def test_promtool_accepts_them(run: Run, tmp_path: Path, arguments: tuple[str, ...]):
    assert run(*arguments, "-f", "models.yaml", "--metrics-file", "all.prom").returncode == 0
    with open(tmp_path / "all.prom", "rb") as metrics:
        done = subprocess.run(["promtool", "check", "metrics"], stdin=metrics, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


EXPORTER = shutil.which("prometheus-node-exporter") or shutil.which("node_exporter")
_LISTENING = re.compile(rb"Listening on.*address=(127\.0\.0\.1:\d+)")


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[str]:
    """A real node exporter on the loopback that collects the text files of a directory: its address."""
    (tmp_path / "collected").mkdir()
    command = [str(EXPORTER), "--web.listen-address=127.0.0.1:0", "--collector.disable-defaults"]
    command += ["--collector.textfile", f"--collector.textfile.directory={tmp_path / 'collected'}"]
    with open(tmp_path / "exporter.log", "wb+") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            for _ in range(300):
                if found := _LISTENING.search((tmp_path / "exporter.log").read_bytes()):
                    break
                assert process.poll() is None, (tmp_path / "exporter.log").read_text()
                time.sleep(0.1)
            assert found, "it does not listen"
            yield f"http://{found[1].decode()}/metrics"
        finally:
            process.kill()
            process.wait()


@pytest.mark.skipif(EXPORTER is None, reason="no node exporter (Debian: prometheus-node-exporter)")
def test_a_node_exporter_shows_them(run: Run, tmp_path: Path, exporter: str):
    assert run("plan", "-f", "models.yaml", "--metrics-file", "collected/plan.prom").returncode == 0
    assert run("apply", "-f", "models.yaml", "--yes", "--metrics-file", "collected/apply.prom").returncode == 0
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(exporter, timeout=30) as answer:
        scraped = samples(answer.read().decode())
    written = {
        key: value
        for name in ("plan", "apply")
        for key, value in samples((tmp_path / "collected" / f"{name}.prom").read_text()).items()
    }
    assert {key: value for key, value in scraped.items() if key[0].startswith("ocr_reconcile_")} == written
    label = frozenset({("command", "apply"), ("manifest", "demo")})
    assert scraped["ocr_reconcile_models_deleted", label] == 1
    assert scraped["ocr_reconcile_last_run_success", label] == 1
    assert scraped["node_textfile_scrape_error", frozenset()] == 0


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample by its name and labels."""
    families = text_string_to_metric_families(text)
    found = [sample for family in families for sample in family.samples]
    return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in found}


@pytest.fixture
def collector() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """An OpenTelemetry collector on the loopback: its address, and what it got."""
    got: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", got
        server.shutdown()
        thread.join()


def test_spans_become_children_of_the_pipelines(run: Run, collector: tuple[str, list[tuple[str, bytes]]]):
    address, got = collector
    traced = {"TRACEPARENT": f"00-{TRACE}-{PARENT}-01", "OTEL_EXPORTER_OTLP_ENDPOINT": address, "NO_PROXY": "127.0.0.1"}
    done = run("plan", "-f", "models.yaml", OTEL_EXPORTER_OTLP_COMPRESSION="none", **traced)
    assert (done.returncode, done.stderr) == (0, "")
    assert [path for path, _ in got] == ["/v1/traces"]
    body = got[0][1]
    assert bytes.fromhex(TRACE) in body
    assert bytes.fromhex(PARENT) in body
    for name in (b"ocr-reconcile plan", b"manifest", b"scan", b"compare"):
        assert name in body


def test_a_collector_that_is_not_there_fails_no_run(run: Run):
    nobody = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://me:hunter2@127.0.0.1:9", "NO_PROXY": "127.0.0.1"}
    done = run("--log-format", "json", "plan", "-f", "models.yaml", **nobody)
    assert done.returncode == 0
    assert done.stdout.startswith("Manifest")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert {(line["level"], line["message"].partition(":")[0]) for line in lines} == {("warning", "traces")}
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize(
    "environment",
    [{}, {"TRACEPARENT": f"00-{TRACE}-{PARENT}-01", "OTEL_SDK_DISABLED": "true"}],
    ids=["not asked", "switched off"],
)
def test_nothing_is_imported_unless_wanted(run: Run, environment: dict[str, str]):
    done = run("plan", "-f", "models.yaml", PYTHONPROFILEIMPORTTIME="1", **environment)
    assert done.returncode == 0
    imported = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "reconciler" in imported
    assert not imported & {"opentelemetry", "prometheus_client"}
