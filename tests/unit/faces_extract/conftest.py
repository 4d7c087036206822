"""A drawn clip as the corpus lists it."""

import pytest

from tests.unit.faces_extract.drawn import VIDEO, draw


@pytest.fixture
def row(tmp_path):
    draw(tmp_path / "clip.mp4")
    return {
        "video": VIDEO, "path": str(tmp_path / "clip.mp4"), "category": "Deepfakes", "label": 3, "split": "test",
        "mask": "",
    }  # fmt: skip
