"""The jobs of the GitLab template, run by bash, on a merge request that drops two models."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.integrations.steps import KEPT, PullRequest, agrees, load, manifest

PIPELINE = load("examples/gitlab/ocr-reconcile.gitlab-ci.yml")


@pytest.fixture
def request_(tmp_path: Path) -> PullRequest:
    return PullRequest(tmp_path)


def job(request: PullRequest, name: str) -> subprocess.CompletedProcess[str]:
    script = "\n".join(PIPELINE[name]["script"])
    return request.run(script, {"CI_PROJECT_DIR": str(request.checkout), "OCR_MANIFEST": "models.yaml"})


def test_a_merge_request_that_drops_two_models(request_: PullRequest) -> None:
    for name in ("ocr-validate", "ocr-plan"):
        assert job(request_, name).returncode == 0
    agrees("gitlab-terraform.json", (request_.checkout / "ocr-terraform.json").read_text())
    agrees("gitlab-plan.md", request_.told((request_.checkout / "ocr-plan.md").read_text()))
    assert job(request_, "ocr-apply").returncode == 0
    assert sorted(path.name for path in request_.models.glob("*.bin")) == sorted(KEPT)
    agrees("gitlab-applied.md", request_.told((request_.checkout / "ocr-applied.md").read_text()))


def test_faults_of_a_manifest_are_a_code_quality_report(request_: PullRequest) -> None:
    request_.write(manifest(*KEPT, maxDeletion=1))
    assert job(request_, "ocr-validate").returncode == 3
    (fault,) = json.loads((request_.checkout / "ocr-codequality.json").read_text())
    assert fault["location"] == {"path": "models.yaml", "lines": {"begin": 12}}


def test_artifacts_are_what_the_scripts_write() -> None:
    for name in ("ocr-validate", "ocr-plan", "ocr-apply"):
        artifacts = PIPELINE[name]["artifacts"]
        for path in (*artifacts.get("paths", ()), *artifacts.get("reports", {}).values()):
            assert any(path in line for line in PIPELINE[name]["script"])
