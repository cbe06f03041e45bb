"""Create the virtual environments of the real engines that the tests ask: `python tests/install_engines.py DIR`.

Each release gets `DIR/<release>/bin/python`. A finished one has a stamp and is left alone; the others are made anew,
in parallel. The Python that runs this must be one for which the engine has wheels: before 3.14, on x86-64.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

NEWEST = "26.10.0"
LISTS_ALL = "26.7.0"
OLDEST = "25.12.0"
TOO_OLD = "25.8.0"
RELEASES = (NEWEST, LISTS_ALL, OLDEST, TOO_OLD)
DEFAULT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), ".engines")


def install(directory: str, release: str) -> str | None:
    """Make one environment; what went wrong, or None."""
    home = os.path.join(directory, release)
    stamp = os.path.join(home, ".complete")
    if os.path.exists(stamp):
        return None
    shutil.rmtree(home, ignore_errors=True)
    pip = [os.path.join(home, "bin", "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    for command in ([sys.executable, "-m", "venv", home], [*pip, f"aspose-ocr-python-net=={release}"]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return f"{release}: {' '.join(command)} ended with code {done.returncode}\n{done.stdout}{done.stderr}"
    with open(stamp, "w", encoding="ascii"):
        return None


def main() -> int:
    """Install all releases; the exit code says whether all are there."""
    directory = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else DEFAULT)
    os.makedirs(directory, exist_ok=True)
    with ThreadPoolExecutor(len(RELEASES)) as pool:
        faults = [fault for fault in pool.map(lambda release: install(directory, release), RELEASES) if fault]
    sys.stderr.write("".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
