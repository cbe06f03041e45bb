"""Feed the loader with bytes that atheris thinks up: `make fuzz`.

The arguments are those of libFuzzer: options, then directories of inputs, the first of which gets the new ones.
What breaks the loader is written to `crash-*`, what takes it too long to `timeout-*`, too much memory to `oom-*`;
such a file belongs into `tests/manifest/found/`, where the tests read it.
"""

from __future__ import annotations

import os
import sys

import atheris

with atheris.instrument_imports(include=["reconciler"]):
    import reconciler.manifest.checks
    import reconciler.manifest.overlay
    import reconciler.manifest.variables
    import reconciler.manifest.wording  # noqa: F401  # all that the loader imports only where it needs it
    from tests.manifest.any_bytes import BASE, load_or_explain
from tests.manifest.test_loader import shipped


def write_seeds(directory: str) -> None:
    """Everything that we ship and every example of the reference: alone, and extended by the one before."""
    os.makedirs(directory, exist_ok=True)
    before = b""
    for name, data in shipped():
        extending = data.replace(b"spec:", b"spec:\n  extends: [base.yaml]", 1)
        for kind, seed in (("plain", data), ("extending", extending + BASE + before)):
            with open(os.path.join(directory, f"{kind}-{name}"), "wb") as file:
                file.write(seed)
        before = data


def main() -> None:
    """Fuzz until a limit of the arguments is reached, or something breaks."""
    directories = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    write_seeds(directories[-1])
    atheris.Setup(sys.argv, load_or_explain)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
