"""Fill a directory with what a host that runs OCR has after a year: models, an engine's download, and other files.

    python examples/make_models.py DIRECTORY

The files are real, a few MB each, and always the same; nothing in them is a working model.
"""

from __future__ import annotations

import random
import shutil
import sys
from pathlib import Path

MIB = 1024 * 1024

FILES = {
    "en_ocr_v1.bin": 3 * MIB,
    "es_ocr_v1.bin": 2 * MIB,
    "fr_ocr_v2.bin": 4 * MIB,
    "old_fr_ocr_v1.bin": 3 * MIB + 4321,
    "bartowski_Llama-3.2-3B-Instruct-GGUF/Llama-3.2-3B-Instruct-Q4_K_M.gguf": 5 * MIB,
    "bartowski_Llama-3.2-3B-Instruct-GGUF/Llama-3.2-3B-Instruct-Q8_0.gguf": 6 * MIB,
    "bartowski_Llama-3.2-3B-Instruct-GGUF/LICENSE.txt": 1200,
    "en_ocr_v2.bin.part": MIB,
    "README.md": 800,
}
"""Names relative to the directory, and sizes in bytes."""


def make_models(directory: Path) -> None:
    """Replace `directory` with a fresh one that holds `FILES`."""
    shutil.rmtree(directory, ignore_errors=True)
    content = random.Random(20_26)  # noqa: S311  # the same bytes in every run, and nothing secret
    for name, size in FILES.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.randbytes(size))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    make_models(Path(sys.argv[1]))
