"""The least that any program must do to ask the engine: create it, list, free. The peer of a whole plan.

python benchmarks/bare_engine.py      in a directory in which `Aspose.AI.LLM/models` leads to the models
"""

from __future__ import annotations

import os

os.environ["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"] = "1"
os.environ["COMPlus_EnableDiagnostics"] = "0"  # noqa: SIM112  # it is spelled so

from aspose.ocr.ai import AsposeAI  # the variables are read when it is imported

engine = AsposeAI()
for path in engine.list_local():
    print(path)
engine.free_resources()
