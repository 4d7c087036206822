"""Files of pictures that aren't meant to be looked at as they are: a camera's raw data with a thumbnail, scenes in
floating point, documents; and TIFF's pages."""

from pathlib import Path

from PIL import Image
from PIL.ExifTags import Base

from advxai.common.errors import InputError

REDUCED = 1  # bit of NewSubfileType: a smaller copy of another picture of the file
DNG = 50706  # tag DNGVersion
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
DEVELOP = "develop it, and give the JPEG or PNG"
# What files that neither Pillow nor FFmpeg shows as meant begin with.
STARTS = {
    b"#?RADIANCE": "a scene in floating point (Radiance HDR)",
    b"#?RGBE": "a scene in floating point (Radiance HDR)",
    b"v/1\x01": "a scene in floating point (OpenEXR)",
    b"\xff\x0a": "a JPEG XL picture",
    b"\0\0\0\x0cJXL \r\n\x87\n": "a JPEG XL picture",
    b"%PDF": "a document (PDF)",
    b"%!PS": "a drawing (PostScript)",
    b"FUJIFILMCCD-RAW": "a camera's raw picture",
    b"IIRO": "a camera's raw picture",
    b"IIU\0": "a camera's raw picture",
    b"gimp xcf": "a drawing of GIMP",
} | dict.fromkeys(TIFF, "a TIFF with values of an unusual kind, such as floating-point colours")


def unreadable(start: bytes) -> str:
    """What a file is that begins so and can't be read; nothing: that isn't known."""
    return next((name for begins, name in STARTS.items() if start.startswith(begins)), "")


def turn_page(path: Path, image: Image.Image) -> str:
    """Go to the picture of a TIFF that is meant to be looked at; a note, where it has several.

    Raises:
        InputError: the file holds a camera's raw data beside thumbnails, or thumbnails alone.
    """
    if image.format != "TIFF":
        return ""
    with open(path, "rb") as file:
        start = file.read(10)
    tags = image.tag_v2  # type: ignore[attr-defined]  # of Pillow's class of TIFFs
    thumbnail = f"its first picture, {image.width} x {image.height} pixels, is a thumbnail"
    if start[8:10] == b"CR" or DNG in tags or (_reduced(image) and Base.SubIFDs in tags):
        raise InputError(f"{path} is a camera's raw picture, and {thumbnail}: {DEVELOP}")
    if any(kind not in (1, 4) for kind in _several(tags.get(Base.SampleFormat, 1))):  # whole numbers, not said
        raise InputError(f"{path} holds signed or floating-point numbers: save it with 8 or 16 bits, without a sign")
    apart = tags.get(Base.PlanarConfiguration) == 2 and max(_several(tags.get(Base.BitsPerSample, 1))) > 8
    if apart:  # which Pillow mixes up
        raise InputError(f"{path} holds 16-bit colours in planes of their own: save it anew as PNG")
    pages = []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        if not _reduced(image):
            pages.append(number)
    if not pages:
        raise InputError(f"{path} holds no whole picture, and {thumbnail}: save it anew as JPEG or PNG")
    image.seek(pages[0])
    return f"It has {len(pages)} pages, of which the first is taken." if len(pages) > 1 else ""


def white_is_zero(image: Image.Image) -> bool:
    """Whether a picture is a TIFF in which the least value is white."""
    return image.format == "TIFF" and image.tag_v2.get(Base.PhotometricInterpretation) == 0  # type: ignore[attr-defined]


def _several(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,)


def _reduced(image: Image.Image) -> bool:
    return bool(int(image.tag_v2.get(Base.NewSubfileType, 0)) & REDUCED)  # type: ignore[attr-defined]
