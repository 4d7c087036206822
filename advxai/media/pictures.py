"""Reading what a user brings, told apart by its content and not by its name."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal, cast

import av
import cv2
import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from advxai.common.arrays import Pixels
from advxai.common.errors import InputError, reading, reason
from advxai.media import raw
from advxai.media.cut import decode_png
from advxai.media.shown import hdr_note, on_white
from advxai.media.streams import container_of, opened, own_memory, require_file

# Of Pillow's formats those that are told by their first bytes and run no other program.
FORMATS = (
    "AVIF", "BMP", "DDS", "DIB", "GIF", "ICO", "JPEG", "JPEG2000", "PCX", "PNG", "PPM", "PSD", "QOI", "SGI",
    "SUN", "TIFF", "WEBP",
)  # fmt: skip
MOVE = ("AVIF", "GIF", "PNG", "WEBP")  # a second picture is the next moment, not another page or size
HEIF = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"})
AVIF = frozenset({b"avif", b"avis"})
NO_VIDEO = ("tty", "image2")  # FFmpeg's readers that take a text, or a file of any content called .jpg, for pictures
GIVE = "give a picture (JPEG, PNG, WebP, TIFF, BMP, AVIF ...) or a video"
LONGEST = 80  # characters of a profile's name
DAMAGED = "it is damaged or cut short; get it anew"
SAVE = "save it as JPEG or PNG and give that"


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture as it is meant to be shown: uint8 (H, W, 3) sRGB; and what the user should know of that."""

    pixels: Pixels
    notes: list[str]


def kind_of(path: Path) -> Literal["picture", "video"]:
    """What a file is; a GIF, PNG, WebP or AVIF that moves is a video.

    Raises:
        InputError: it can't be read, or is neither.
    """
    require_file(path)
    try:
        start = _head(path)
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror}): {GIVE}") from error
    if _is_heif(start):
        _heif_opener(path)
        return "picture"
    with picture_file(path) as image:
        if image is not None:
            return "video" if moments(image) > 1 else "picture"
    if known := raw.unreadable(start):
        raise InputError(f"{path} is {known}, which isn't read here: {SAVE}")
    if reason := _not_played(path):
        reason += ", as of one that is cut short" if start[4:8] == b"ftyp" else ""
        raise InputError(f"{path} is neither a picture nor a video that can be read ({reason}): {GIVE}")
    with opened(path) as video:
        name = video.container.format.name
    if name.endswith("_pipe"):
        raise InputError(f"{path} is a picture ({name.removesuffix('_pipe')}) that isn't read here: {SAVE}")
    return "video"


def _not_played(path: Path) -> str:
    """Why FFmpeg knows nothing of a file; nothing if it does."""
    with reading(path, GIVE, "a picture or a video"):
        try:
            with container_of(path) as container:
                return "its content is of no known kind" if container.format.name.startswith(NO_VIDEO) else ""
        except (av.FFmpegError, OSError) as error:
            return error.strerror or type(error).__name__


@contextmanager
def picture_file(path: Path) -> Iterator[Image.Image | None]:
    """A file opened by Pillow; None: it is no picture.

    Whatever Pillow raises inside the block becomes an InputError that names the file.
    """
    require_file(path)
    # the number of pixels is bounded, so memory is lacking for what a damaged length claims
    with (
        reading(path, DAMAGED, "a picture"),
        own_memory(MemoryError),
        warnings.catch_warnings(),
        open(path, "rb") as file,
    ):
        warnings.simplefilter("ignore")  # of pictures above 89 million pixels, and of odd metadata
        try:
            # a TGA's bytes say nothing of what they are
            also = ("TGA",) if path.suffix.lower() == ".tga" else ()
            # the file, not its name: of a name Pillow maps a plain TIFF, and mixes up width and height of a turned one
            image: Image.Image = Image.open(file, formats=(*FORMATS, *_heif_too(), *also))
        except UnidentifiedImageError:
            yield None
            return
        except Image.DecompressionBombError as error:
            most = 2 * (Image.MAX_IMAGE_PIXELS or 0) // 10**6
            raise InputError(f"{path} is too large, above {most} million pixels: save it smaller") from error
        with image:
            yield image


def _head(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(256)


def moments(image: Image.Image) -> int:
    """How many pictures an animation has, with the one for viewers that know none; 1: it doesn't move."""
    return int(getattr(image, "n_frames", 1)) if image.format in MOVE else 1


def read_picture(path: Path) -> Picture:
    """A picture as it is meant to be shown: upright, its colours converted to sRGB, transparency on white.

    Raises:
        InputError: it is damaged or cut short, or isn't meant to be looked at as it is (a camera's raw data,
            floating-point values, nothing but transparency).
    """
    with picture_file(path) as image:
        if image is None:
            raise InputError(f"{path} can't be read as a picture: {DAMAGED}")
        notes = [raw.turn_page(path, image), hdr_of(path, image)]
        notes.append(_deep_clear(path, image))
        image.load()
        upright = ImageOps.exif_transpose(image)
        if upright.has_transparency_data and not np.asarray(upright.convert("RGBA"))[..., 3].any():
            raise InputError(f"{path} is transparent all over, so that nothing is seen: save it without transparency")
        if image.format == "JPEG2000" and not upright.has_transparency_data:  # of 16 bits Pillow makes white black
            upright = Image.fromarray(decode_png(path.read_bytes(), str(path), DAMAGED))
        if image.format == "PPM" and image.mode == "I":  # whose 16 bits Pillow gives in 32
            upright = Image.fromarray(np.asarray(upright).astype(np.uint16))
        pixels, said = as_pixels(path, upright)
        if raw.white_is_zero(image) and image.mode.startswith("I;16"):  # which Pillow knows of 8 bits alone
            pixels = 255 - pixels
    return Picture(pixels, [note for note in (*notes, *said) if note])


def as_pixels(path: Path, image: Image.Image) -> tuple[Pixels, list[str]]:
    """A loaded picture as uint8 (H, W, 3) sRGB on white, and notes.

    Raises:
        InputError: what its values mean isn't said in the file.
    """
    if image.mode.startswith("I;16"):
        grey = ((np.asarray(image).astype(np.uint32) + 128) // 257).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2), []
    if image.mode in ("F", "I"):
        kind = "floating-point numbers" if image.mode == "F" else "integers of more than 16 bits, or signed ones"
        raise InputError(f"{path} holds {kind}, of which it doesn't say which is white: save it with 8 or 16 bits")
    if not image.has_transparency_data:
        coloured, note = _in_srgb(image)
        return np.array(coloured), [note]
    rgba = np.array(image.convert("RGBA"))
    coloured, note = _in_srgb(Image.fromarray(np.ascontiguousarray(rgba[..., :3])), image.info.get("icc_profile"))
    rgba[..., :3] = np.asarray(coloured)
    pixels, seen = on_white(rgba)
    return pixels, [note, seen]


def _in_srgb(image: Image.Image, icc: bytes | None = None) -> tuple[Image.Image, str]:
    """Colours as the picture's profile means them, mode RGB; and a note."""
    icc = icc or image.info.get("icc_profile")
    without = "It has no colour profile, so that its printing colours (CMYK) are rough." if image.mode == "CMYK" else ""
    if not icc:
        return image.convert("RGB"), without
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(icc))
        said = profile.profile.profile_description or "a profile without a name"
        name = "".join(sign if sign.isprintable() else " " for sign in said)[:LONGEST].strip()  # the file's own words
        if "srgb" in name.lower():
            return image.convert("RGB"), without
        source = image if image.mode in ("RGB", "L", "CMYK", "LAB") else image.convert("RGB")
        shown = ImageCms.profileToProfile(source, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        return image.convert("RGB"), f"Its colour profile can't be used ({reason(error)}): its colours may be others."
    return cast("Image.Image", shown), f"Its colours ({name}) are converted to sRGB."


def hdr_of(path: Path, image: Image.Image) -> str:
    """A note on a picture for bright screens, which Pillow itself doesn't tell of."""
    if "nclx_profile" in image.info:  # by the package for HEIC
        return hdr_note(int(image.info["nclx_profile"].get("transfer_characteristics", 0)))
    if image.format not in ("AVIF", "PNG") or (image.format == "PNG" and b"cICP" not in _head(path)):
        return ""
    try:
        with opened(path) as video:
            return hdr_note(int(video.stream.codec_context.color_trc))
    except InputError:  # Pillow reads more of these than FFmpeg
        return ""


def _deep_clear(path: Path, image: Image.Image) -> str:
    """A note on a PNG of 16 bits with a transparent colour, which Pillow compares with 8 bits."""
    deep = image.format == "PNG" and _head(path)[24] == 16
    return "Its transparent colour is shown." if deep and "transparency" in image.info else ""


def _is_heif(start: bytes) -> bool:
    """Whether a file begins as High Efficiency Image File Format, of which AVIF is the part that Pillow reads."""
    if start[4:8] != b"ftyp":
        return False
    size = int.from_bytes(start[:4], "big")
    brands = {start[8:12], *(start[at : at + 4] for at in range(16, min(size, len(start)), 4))}
    return not brands & AVIF and bool(brands & HEIF)


def _heif_opener(path: Path) -> None:
    """Have Pillow read HEIC, if the package for it is installed."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError as error:
        raise InputError(
            f"{path} is a HEIC picture, which can't be read here: save it as JPEG or PNG and give that, or install "
            "pillow-heif (`.venv/bin/python -m pip install pillow-heif`; its wheels carry a library under the GPL)"
        ) from error
    register_heif_opener()


def _heif_too() -> tuple[str, ...]:
    """Pillow's name of HEIC, once that can be read."""
    return tuple(name for name in ("HEIF",) if name in Image.OPEN)


def reduced(picture: Pixels, longest: int) -> Pixels:
    """A picture (H, W, 3) whose longer side is at most `longest` pixels."""
    height, width = picture.shape[:2]
    factor = longest / max(height, width)
    if factor >= 1:
        return picture
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return cast("Pixels", cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
