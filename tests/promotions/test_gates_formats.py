"""A formats gate on plain values."""

from typing import Any

import pytest

from tests.promotions.evidence import (
    decided,
    evidence,
)


@pytest.mark.parametrize(
    ("files", "rules", "passes", "detail"),
    [
        ((), {"deny": ["pickle"]}, True, "It holds no file."),
        ((), {"allow": ["json"]}, False, "It holds no file."),
        (
            ("model.safetensors", "config.JSON"),
            {"allow": ["safetensors", "json"], "deny": ["pickle"]},
            True,
            "All its 2 files are of formats that may be there.",
        ),
        (
            ("a/MODEL.PKL", "b.pkl.gz", "c.json"),
            {"deny": ["pickle"]},
            False,
            "2 files are of a format that is denied: a/MODEL.PKL (pickle) and b.pkl.gz (pickle).",
        ),
        (
            ("pytorch_model.bin", "x.bin"),
            {"deny": ["torch"]},
            False,
            "One file is of a format that is denied: pytorch_model.bin (torch).",
        ),
        (
            ("w.onnx", "w.pt", "notes"),
            {"allow": ["onnx", ".txt"]},
            False,
            "2 files are not of a format that is allowed (onnx and .txt): notes and w.pt (torch).",
        ),
        (
            ("w.pt",),
            {"allow": ["onnx"], "deny": [".PT"]},
            False,
            "One file is of a format that is denied: w.pt (.pt). One file is not of a format that "
            "is allowed (onnx): w.pt (torch).",
        ),
        (("w.onnx",), {"allow": ["onnx"]}, True, "Its one file is of formats that may be there."),
    ],
)
def test_files_are_of_formats_by_their_names(
    files: tuple[str, ...], rules: dict[str, Any], passes: bool, detail: str
) -> None:
    assert decided({"type": "formats", **rules}, evidence(files=files)) == (passes, detail)


def test_many_wrong_files_are_told_by_the_first_and_how_many_more() -> None:
    files = tuple(f"{n:03}.pkl" for n in range(40))
    detail = decided({"type": "formats", "deny": ["pickle"]}, evidence(files=files))[1]
    assert detail.startswith("40 files are of a format that is denied: 000.pkl (pickle), ")
    assert detail.endswith(" and 35 more.")
