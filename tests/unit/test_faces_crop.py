"""Square crops by hand, and their encoding."""

import cv2
import numpy as np
import pytest

from advxai.common.errors import InputError
from advxai.media.cut import cut, decode_png, encode_png, square_box


@pytest.mark.parametrize(
    ("box", "crop"),
    [
        ((40, 30, 60, 70), (24, 24, 76, 76)),  # 40 * 1.3 = 52 around (50, 50)
        ((-10, 0, 20, 40), (0, 0, 52, 52)),  # would begin at (-21, -6): shifted, not shrunk
        ((180, 80, 210, 100), (161, 61, 200, 100)),  # side 39, would end at (215, 110)
        ((0, 0, 90, 90), (0, 0, 100, 100)),  # 117 does not fit into 100 rows
        ((150, 5, 240, 95), (100, 0, 200, 100)),
        ((10, 10, 15, 14), (9, 9, 16, 16)),  # side 6.5 -> 7; begins at (9, 8.5) -> (9, 9)
    ],
)
def test_square_box(box, crop):
    assert square_box(box, height=100, width=200, scale=1.3) == crop


def test_cut_takes_rows_by_y_and_columns_by_x():
    image = np.arange(20).reshape(4, 5)
    assert cut(image, (1, 2, 3, 4)).tolist() == [[11, 12], [16, 17]]
    for outside in [(-1, 0, 2, 2), (0, 0, 6, 2), (0, 3, 2, 5), (2, 2, 2, 3)]:
        with pytest.raises(ValueError, match="5 x 4"):
            cut(image, outside)


def test_png_keeps_every_value_and_gives_the_same_bytes():
    image = np.random.default_rng(0).integers(0, 256, (17, 23, 3), dtype=np.uint8)
    data = encode_png(image)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert (decode_png(data, "it", "mend it") == image).all()
    assert encode_png(np.pad(image, ((0, 0), (2, 2), (0, 0)))[:, 2:-2]) == data  # a view, not contiguous


def test_grey_png_has_one_channel():
    image = np.random.default_rng(1).integers(0, 256, (17, 23), dtype=np.uint8)
    back = cv2.imdecode(np.frombuffer(encode_png(image), np.uint8), cv2.IMREAD_UNCHANGED)
    assert back.shape == (17, 23) and (back == image).all()


@pytest.mark.parametrize("damage", [lambda d: b"", lambda d: b"junk", lambda d: d[: len(d) // 2], lambda d: d[:-12]])
def test_damaged_png_is_named(damage):
    data = encode_png(np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8))
    with pytest.raises(InputError, match=r"^face 7 is not a readable image \(.*\): mend it\.$"):
        decode_png(damage(data), "face 7", "mend it")
