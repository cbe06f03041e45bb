"""What counts as a version in a name, and what does not."""

from __future__ import annotations

import pytest

from reconciler.planning.versions import version_of


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("fr_ocr_v2.bin", "v2"),
        ("fr_ocr_V2.bin", "V2"),
        ("m-1.10.3.onnx", "1.10.3"),
        ("m-v1.10.3-rc2.onnx", "v1.10.3-rc2"),
        ("m_2024-05-01.bin", "2024-05-01"),
        ("m_20240501.bin", "20240501"),
        ("v3/m.bin", "v3"),
        ("m_v2_2024-05-01.bin", "v2 2024-05-01"),
        ("ckpt-500.pt", "ckpt-500"),
        ("Llama-3.2-3B-Instruct-Q4_K_M.gguf", "3.2"),
    ],
)
def test_versions(name: str, text: str) -> None:
    version = version_of(name)
    assert version
    assert version.text == text


@pytest.mark.parametrize(
    "name",
    ["m-Q4_K_M.gguf", "m-7B.gguf", "m-1.5B.gguf", "m.fp16.bin", "m_int8.bin", "fr_2.bin", "m-00001-of-00003.gguf",
     "resnet50.onnx", "Qwen2.5.gguf", "m_20241301.bin", "m_120240501.bin", "div2.bin"],
)  # fmt: skip
def test_no_versions(name: str) -> None:
    assert version_of(name) is None


@pytest.mark.parametrize(
    "rising",
    [
        ["m_v1", "m_v2", "m_v10"],
        ["m-1.9.12", "m-1.10", "m-1.10.3", "m-2.0"],
        ["m_20231231", "m_2024-01-01", "m_2024.05.01"],
        ["m_v2-dev", "m_v2-alpha", "m_v2-beta1", "m_v2-beta2", "m_v2-rc1", "m_v2", "m_v2.0.1"],
        ["m_v1_2024-05-01", "m_v1_2024-06-01", "m_v2_2023-01-01"],
    ],
)
def test_order_within_a_series(rising: list[str]) -> None:
    versions = [version_of(name) for name in rising]
    assert len({version.series for version in versions if version}) == 1
    keys = [version.key for version in versions if version]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(rising)
