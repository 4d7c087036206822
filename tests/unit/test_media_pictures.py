"""Pictures as they are meant to be shown: upright, on white, in sRGB; pages, animations, raw data, odd numbers."""

import os
import struct
import sys
import zlib
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from advxai.common.errors import InputError
from advxai.explain.files import of_file
from advxai.explain.request import Request
from advxai.media.moving import Moving, clip_of
from advxai.media.pictures import kind_of, read_picture
from advxai.media.rule import Rule
from advxai.media.video import Clip, as_shown, count_frames
from tests.unit.test_explain_faces import Says, face
from tests.unit.test_media_shown import HARD, colours, quarters

UPRIGHT = ["red", "green", "blue", "grey"]
# EXIF's eight: what is done to the picture that is stored, so that it becomes upright
STORED = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.transpose(1, 0, 2),
    6: lambda image: np.rot90(image),
    7: lambda image: image[::-1, ::-1].transpose(1, 0, 2),
    8: lambda image: np.rot90(image, -1),
}


def saved(path: Path, image: np.ndarray, orientation: int = 1, **settings: object) -> Path:
    """Write an image by Pillow with an EXIF orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(image)).save(path, exif=exif, **settings)
    return path


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tiff", ".avif"])
def test_a_picture_is_upright(suffix, orientation, tmp_path):
    path = saved(tmp_path / f"a{suffix}", STORED[orientation](quarters()), orientation, quality=95)
    assert kind_of(path) == "picture"
    picture = read_picture(path)
    assert picture.pixels.shape == (48, 64, 3) and colours(picture.pixels) == UPRIGHT and picture.notes == []


@pytest.mark.skipif(not HARD.is_dir(), reason="shared/data/hard is absent")
def test_an_avif_that_is_turned_by_its_container():
    stored = np.asarray(Image.open(HARD / "turned.avif"))
    picture = read_picture(HARD / "turned.avif")
    np.testing.assert_array_equal(picture.pixels, np.rot90(stored, -1))  # orientation 6: a quarter clockwise
    assert kind_of(HARD / "turned.avif") == "picture"


# -- transparency -----------------------------------------------------------------------------------------------------
def test_transparency_is_shown_on_white_and_said(tmp_path):
    seen = np.dstack([quarters(), np.full((48, 64), 255, np.uint8)])
    seen[24:, :, 3] = 0
    for path in (saved(tmp_path / "a.png", seen), saved(tmp_path / "a.webp", seen, lossless=True)):
        picture = read_picture(path)
        assert (picture.pixels[24:] == 255).all() and colours(picture.pixels)[:2] == ["red", "green"]
        assert picture.notes == ["It is transparent in 50 % of its area and is shown on white."]
    image = Image.fromarray(quarters()).quantize(8)
    image.save(tmp_path / "palette.png", transparency=image.getpixel((0, 0)))
    picture = read_picture(tmp_path / "palette.png")
    assert (picture.pixels[:20, :28] == 255).all() and "25 %" in picture.notes[0]


def test_an_invisible_face_is_not_explained(tmp_path):
    clear = np.dstack([quarters(), np.full((48, 64), 0, np.uint8)])
    for path in [saved(tmp_path / "clear.png", clear), *([HARD / "transparent.png"] if HARD.is_dir() else [])]:
        with pytest.raises(InputError, match=f"{path.name} is transparent all over, so that nothing is seen: save it"):
            read_picture(path)
    clear[:4, :, 3] = 255
    with pytest.raises(
        InputError, match=r"no face is found in it \(It is transparent in 92 % of its area and is shown"
    ):
        of_file(Request(str(saved(tmp_path / "b.png", clear)), "file"), Says().detect, Rule(1.3), 6)


# -- numbers and colours ----------------------------------------------------------------------------------------------
def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path):
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)[None].repeat(48, 0)
    cv2.imwrite(str(tmp_path / "grey.png"), ramp)
    grey = read_picture(tmp_path / "grey.png").pixels
    assert grey.shape == (48, 64, 3) and (np.abs(grey[0, :, 0] - ramp[0] / 257) <= 0.5).all()
    cv2.imwrite(str(tmp_path / "colour.png"), np.dstack([ramp // 4, ramp // 2, ramp]))  # OpenCV: blue first
    colour = read_picture(tmp_path / "colour.png").pixels
    assert (np.abs(colour[0].astype(float) - np.stack([ramp[0], ramp[0] // 2, ramp[0] // 4], 1) / 257) <= 1).all()


@pytest.mark.parametrize(
    "values, message",
    [
        (
            np.linspace(0, 1, 48 * 64, dtype=np.float32).reshape(48, 64),
            "holds signed or floating-point numbers: save it",
        ),
        (np.zeros((48, 64, 3), np.float32), "is a TIFF with values of an unusual kind"),
        (np.zeros((48, 64), np.uint32), "holds integers of more than 16 bits, or signed ones, of which it doesn"),
        (np.zeros((48, 64), np.int8), "holds signed or floating-point numbers: save it"),
        (np.zeros((48, 64), np.int16), "holds signed or floating-point numbers: save it"),
    ],
)
def test_numbers_without_a_white_are_refused(values, message, tmp_path):
    path = tmp_path / "a.tiff"
    tifffile.imwrite(path, values, photometric="rgb" if values.ndim == 3 else "minisblack")
    with pytest.raises(InputError, match=rf"a.tiff {message}"):
        kind_of(path)
        read_picture(path)


def test_a_colour_profile_is_used_and_said(tmp_path):
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    plain = saved(tmp_path / "srgb.png", quarters(), icc_profile=srgb.tobytes())
    assert read_picture(plain).notes == [] and (read_picture(plain).pixels == quarters()).all()
    path = saved(tmp_path / "lab.tiff", quarters())
    converted = ImageCms.profileToProfile(Image.fromarray(quarters()), srgb, lab, outputMode="LAB")
    converted.save(path, icc_profile=lab.tobytes())
    picture = read_picture(path)
    assert np.abs(picture.pixels.astype(int) - quarters()).max() <= 30  # 8 bits of LAB are coarse
    assert colours(picture.pixels) == UPRIGHT and "are converted to sRGB" in picture.notes[0]
    wrong = saved(tmp_path / "wrong.png", quarters(), icc_profile=b"no profile at all")
    assert "can't be used" in read_picture(wrong).notes[0] and (read_picture(wrong).pixels == quarters()).all()


def test_printing_colours_are_said(tmp_path):
    Image.fromarray(quarters()).convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    picture = read_picture(tmp_path / "a.jpg")
    assert colours(picture.pixels) == UPRIGHT and "CMYK" in picture.notes[0]


def test_a_picture_for_bright_screens_is_said(tmp_path):
    """A PNG whose chunk cICP says PQ."""
    data = saved(tmp_path / "plain.png", quarters()).read_bytes()
    content = b"cICP" + bytes([9, 16, 0, 1])
    chunk = struct.pack(">I", 4) + content + struct.pack(">I", zlib.crc32(content))
    at = data.index(b"IDAT") - 4
    (tmp_path / "pq.png").write_bytes(data[:at] + chunk + data[at:])
    assert "HDR (PQ)" in read_picture(tmp_path / "pq.png").notes[0]


@pytest.mark.parametrize("orientation", [1, 6, 7])
def test_a_plain_tiff_of_any_mode_is_upright(orientation, tmp_path):
    """Pillow maps an uncompressed one, by the width and height that it has when it is turned."""
    upright = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
    stored = np.ascontiguousarray(STORED[orientation](upright[..., None])[..., 0])
    tag = [(274, "H", 1, orientation, True)]
    tifffile.imwrite(tmp_path / "grey.tiff", stored, extratags=tag)
    tifffile.imwrite(tmp_path / "deep.tiff", stored.astype(np.uint16) * 257, extratags=tag)
    rgba = np.dstack([stored, stored // 2, stored // 3, np.full_like(stored, 255)])
    tifffile.imwrite(tmp_path / "rgba.tiff", rgba, photometric="rgb", extrasamples=["unassalpha"], extratags=tag)
    for name in ("grey", "deep", "rgba"):
        np.testing.assert_array_equal(read_picture(tmp_path / f"{name}.tiff").pixels[..., 0], upright)


def test_sixteen_bits_of_other_forms(tmp_path):
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)[None].repeat(48, 0)
    tifffile.imwrite(tmp_path / "white.tiff", 65535 - ramp, photometric="miniswhite")
    colour = np.dstack([ramp, ramp // 2, ramp // 4])
    cv2.imwrite(str(tmp_path / "a.jp2"), colour[..., ::-1], [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000])
    header = b"P5 64 48 1000\n"
    (tmp_path / "a.pgm").write_bytes(header + (ramp // 66).clip(0, 1000).astype(">u2").tobytes())
    for name, wanted in (("white.tiff", ramp), ("a.jp2", ramp), ("a.pgm", (ramp // 66).clip(0, 1000) * 65.535)):
        assert np.abs(read_picture(tmp_path / name).pixels[..., 0] - wanted / 257).max() <= 1.01, name
    assert read_picture(tmp_path / "a.jp2").pixels[0, -1].tolist() == [255, 127, 63]
    tifffile.imwrite(tmp_path / "apart.tiff", colour.transpose(2, 0, 1), photometric="rgb", planarconfig="separate")
    with pytest.raises(InputError, match="apart.tiff holds 16-bit colours in planes of their own: save it anew"):
        read_picture(tmp_path / "apart.tiff")


def test_a_pipe_is_no_picture(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    for call in (kind_of, read_picture, clip_of, count_frames, as_shown):
        with pytest.raises(InputError, match="a.png isn't a file: give a picture or a video"):
            call(tmp_path / "a.png")


# -- pages ------------------------------------------------------------------------------------------------------------
def test_pages_and_thumbnails(tmp_path):
    small, whole = np.full((12, 16, 3), 9, np.uint8), quarters()
    with tifffile.TiffWriter(tmp_path / "pages.tiff") as out:
        out.write(small, subfiletype=1, photometric="rgb")
        out.write(whole, photometric="rgb")
        out.write(whole // 2, photometric="rgb")
    picture = read_picture(tmp_path / "pages.tiff")
    np.testing.assert_array_equal(picture.pixels, whole)
    assert picture.notes == ["It has 2 pages, of which the first is taken."]
    assert kind_of(tmp_path / "pages.tiff") == "picture"
    tifffile.imwrite(tmp_path / "small.tiff", small, subfiletype=1, photometric="rgb")
    with pytest.raises(
        InputError, match="small.tiff holds no whole picture, and its first picture, 16 x 12 pixels, is"
    ):
        read_picture(tmp_path / "small.tiff")


def test_raw_data_of_a_camera_are_refused(tmp_path):
    thumbnail = np.full((12, 16, 3), 9, np.uint8)
    dng = tmp_path / "a.dng"
    with tifffile.TiffWriter(dng) as out:
        out.write(thumbnail, subfiletype=1, photometric="rgb", subifds=1, extratags=[(50706, 1, 4, b"\1\4\0\0", True)])
        out.write(np.zeros((48, 64), np.uint16))
    with pytest.raises(
        InputError, match=r"a.dng is a camera's raw picture, and its first picture, 16 x 12 .*: develop"
    ):
        read_picture(dng)
    nef = tmp_path / "a.nef"
    with tifffile.TiffWriter(nef) as out:
        out.write(thumbnail, subfiletype=1, photometric="rgb", subifds=1)
        out.write(np.zeros((48, 64), np.uint16))
    with pytest.raises(InputError, match="a.nef is a camera's raw picture"):
        read_picture(nef)


@pytest.mark.parametrize(
    "start, message",
    [
        (b"#?RADIANCE\n", "a scene in floating point"),
        (b"v/1\x01", "OpenEXR"),
        (b"\xff\x0a", "JPEG XL"),
        (b"%PDF-1.7", "a document"),
    ],
)
def test_files_of_other_programs_are_named(start, message, tmp_path):
    (tmp_path / "a.jpg").write_bytes(start + bytes(100))
    with pytest.raises(InputError, match=rf"a.jpg is .*{message}.*: save it as JPEG or PNG"):
        kind_of(tmp_path / "a.jpg")


# -- HEIC -------------------------------------------------------------------------------------------------------------
def brands(major: bytes, *others: bytes) -> bytes:
    size = 16 + 4 * len(others)
    return struct.pack(">I", size) + b"ftyp" + major + bytes(4) + b"".join(others) + bytes(64)


@pytest.mark.parametrize(
    "start",
    [
        brands(b"heic"), brands(b"mif1", b"heic"), brands(b"mif1", b"mif1", b"hevc"), brands(b"msf1", b"hevc"),
        brands(b"mif1"), brands(b"heix", b"mif1"),
    ],
)  # fmt: skip
def test_a_heic_picture_is_known_by_all_its_brands(start, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # not installed
    (tmp_path / "me.jpg").write_bytes(start)
    with pytest.raises(
        InputError, match="me.jpg is a HEIC picture, .*: save it as JPEG .* or install pillow-heif .*GPL"
    ):
        kind_of(tmp_path / "me.jpg")


def test_the_package_for_heic_is_used_where_it_is_installed(tmp_path, monkeypatch):
    package = ModuleType("pillow_heif")
    asked = []
    package.register_heif_opener = lambda: asked.append(True)
    monkeypatch.setitem(sys.modules, "pillow_heif", package)
    (tmp_path / "me.heic").write_bytes(brands(b"mif1", b"heic"))
    assert kind_of(tmp_path / "me.heic") == "picture" and asked
    # neither AVIF nor a video with such a brand is HEIC
    asked.clear()
    saved(tmp_path / "a.avif", quarters())
    assert kind_of(tmp_path / "a.avif") == "picture" and not asked


# -- animations -------------------------------------------------------------------------------------------------------
def steps() -> list[Image.Image]:
    return [Image.fromarray(np.full((48, 64, 3), grey, np.uint8)) for grey in (40, 90, 140, 190)]


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp", ".avif"])
def test_an_animation_is_read_like_a_clip(suffix, tmp_path):
    first, *others = steps()
    path = tmp_path / f"a{suffix}"
    extra = {"lossless": True} if suffix == ".webp" else {"quality": 95} if suffix == ".avif" else {}
    first.save(path, save_all=True, append_images=others, duration=[100, 200, 300, 400], **extra)
    assert kind_of(path) == "video"
    clip = clip_of(path)
    assert isinstance(clip, Clip if suffix == ".png" else Moving) and clip.count == 4
    assert [(index, round(frame.mean() / 10)) for index, frame in clip.at([3, 1])] == [(1, 9), (3, 19)]
    assert clip.seconds([0, 1, 3]) == pytest.approx([0, 0.1, 0.6]) and clip.notes == []
    assert list(clip.at([])) == []


def test_the_still_of_an_animated_png_is_no_frame(tmp_path):
    still, *others = steps()
    still.save(tmp_path / "a.png", save_all=True, append_images=others, duration=[100, 200, 300], default_image=True)
    clip = clip_of(tmp_path / "a.png")
    assert [round(frame.mean()) for _, frame in clip.at(range(9))] == [90, 140, 190] and clip.count == 3
    still.save(tmp_path / "b.png", save_all=True, append_images=others[:1], default_image=True)
    assert kind_of(tmp_path / "b.png") == "video"  # of one frame, as browsers show it
    assert [round(frame.mean()) for _, frame in clip_of(tmp_path / "b.png").at(range(9))] == [90]


def test_a_frame_that_is_partly_transparent_is_laid_over_those_before_it(tmp_path):
    below = Image.new("RGBA", (64, 48), (200, 0, 0, 255))
    above = Image.new("RGBA", (64, 48), (0, 0, 200, 128))
    below.save(tmp_path / "a.png", save_all=True, append_images=[above], duration=100, blend=1)
    ((_, frame),) = clip_of(tmp_path / "a.png").at([1])
    assert np.abs(frame[10, 10].astype(int) - (100, 0, 100)).max() <= 1


def test_an_animation_is_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.fromarray(np.ascontiguousarray(STORED[6](quarters())))
    image.save(tmp_path / "a.webp", save_all=True, append_images=[image.copy()], lossless=True, exif=exif)
    other = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    image.save(tmp_path / "b.webp", save_all=True, append_images=[other], lossless=True, exif=exif)
    clip = clip_of(tmp_path / "b.webp")
    frames = dict(clip.at([0, 1]))
    assert colours(frames[0]) == UPRIGHT and colours(frames[1]) == ["blue", "grey", "red", "green"]


def test_frames_of_no_time_last_as_in_a_browser(tmp_path):
    first, *others = steps()
    first.save(tmp_path / "a.gif", save_all=True, append_images=others, duration=0)
    assert clip_of(tmp_path / "a.gif").seconds([0, 1, 2]) == pytest.approx([0, 0.1, 0.2])


def test_an_animation_that_is_cut_short_is_named(tmp_path):
    first, *others = steps()
    first.save(tmp_path / "a.webp", save_all=True, append_images=others, lossless=True)
    data = (tmp_path / "a.webp").read_bytes()
    (tmp_path / "a.webp").write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(InputError, match="a.webp"):
        kind_of(tmp_path / "a.webp")
        list(clip_of(tmp_path / "a.webp").at([3]))


@pytest.mark.skipif(not HARD.is_dir(), reason="shared/data/hard is absent")
def test_a_moving_webp_s_faces_are_followed():
    found = Says(face(100, 100, 200, 200))
    source = of_file(Request(str(HARD / "moving.webp"), "file"), found.detect, Rule(1.3), 3)
    assert source.kind == "video" and [one.frame for one in source.looked] == [1, 5, 8] and source.numbers == [1]
    assert [one.seconds for one in source.looked] == pytest.approx([0.1, 0.5, 0.8])


def test_a_picture_with_a_second_one_is_a_picture(tmp_path):
    """A phone's depth map behind the photo, and an icon in several sizes."""
    first, *others = steps()
    first.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=others[:1])
    assert kind_of(tmp_path / "a.jpg") == "picture" and round(read_picture(tmp_path / "a.jpg").pixels.mean()) == 40
    first.save(tmp_path / "a.ico", sizes=[(16, 16), (48, 48)])
    assert kind_of(tmp_path / "a.ico") == "picture" and max(read_picture(tmp_path / "a.ico").pixels.shape) >= 36


def test_a_picture_of_too_many_pixels_is_named(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.png", quarters())
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(InputError, match="a.png is too large, above 0 million pixels: save it smaller"):
        kind_of(path)


def test_a_length_that_claims_more_than_there_is_memory_for_is_the_files_fault(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.png", quarters())

    def load(image):
        raise MemoryError

    monkeypatch.setattr(Image.Image, "load", load)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    with pytest.raises(
        InputError, match=r"a.png can't be read as a picture \(it claims more than there is memory for\)"
    ):
        read_picture(path)
