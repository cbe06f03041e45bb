"""Pull requests made for real, and the steps of pipelines taken from the files that users take."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"
KEPT = ("en_ocr_v1.bin", "fr_ocr_v2.bin")
DROPPED = ("de_ocr_v1.bin", "es_ocr_v1.bin")


def load(path: str) -> Any:
    return YAML(typ="safe").load(ROOT / path)


def manifest(*models: str, **limits: int) -> str:
    allow = "".join(f"    - {name}\n" for name in models)
    guards = "  limits:\n" + "".join(f"    {name}: {value}\n" for name, value in limits.items()) if limits else ""
    return (
        "apiVersion: ocr-reconcile/v1\nkind: ModelSet\nmetadata:\n  name: production\nspec:\n"
        f"  modelPath: ../models\n  discovery: [directory]\n  allow:\n{allow}{guards}"
    )


class PullRequest:
    """A checkout whose manifest no longer names two models that the host has."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.checkout = home / "checkout"
        self.models = home / "models"
        for directory in (self.checkout, self.models, home / "runner"):
            directory.mkdir(parents=True)
        for number, name in enumerate((*KEPT, *DROPPED), 1):
            (self.models / name).write_bytes(b"m" * 1000 * number)
        self.write(manifest(*KEPT))

    def write(self, text: str) -> None:
        (self.checkout / "models.yaml").write_text(text)

    def run(self, script: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run a step as a runner does, with bash, in the checkout."""
        path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.checkout,
            env={"PATH": path, "HOME": str(self.home), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def told(self, text: str) -> str:
        """`text` without what differs from one host and run to the next."""
        text = text.replace(str(self.home), "/home/runner")
        text = re.sub(r"sha256:[0-9a-f]{64}", "sha256:DIGEST", text)
        text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME", text)
        text = re.sub(r"\d{8}T\d{6}\.\d{6}Z-\w+", "RUN", text)
        # What others write to the file system meanwhile is in the measure, and is told.
        text = re.sub(r"removed, .* came free( \([^)]*\))?", "removed, SPACE came free", text)
        text = re.sub(r"<details><summary>1 remark</summary>\n\n- `\d+ bytes did .*`\n\n</details>\n\n", "", text)
        return re.sub(r"(\| Host \| )`[^`]*`", r"\1`HOST`", text)


def agrees(name: str, text: str) -> None:
    """Compare with the golden file; write it anew where OCR_RECONCILE_GOLDEN says so."""
    path = GOLDEN / name
    if os.environ.get("OCR_RECONCILE_GOLDEN") == "write":
        path.write_text(text)
    assert text == path.read_text()
