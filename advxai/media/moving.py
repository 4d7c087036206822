"""Pictures that move, read like clips: GIF, WebP and AVIF by Pillow; PNG by FFmpeg, since Pillow lays a frame that is
partly transparent over those before it in another way than browsers do."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

from PIL import Image, ImageOps

from advxai.common.arrays import Pixels
from advxai.common.errors import InputError
from advxai.media.pictures import DAMAGED, as_pixels, hdr_of, moments, picture_file
from advxai.media.video import Clip

# milliseconds: what browsers show a frame for that is to be shown for no time, or for the tenth of one
FAST, SLOW = 10, 100


class Moving:
    """An animation's frames, each as it is seen: on those before it, on white.

    Attributes:
        path: the file.
        notes: what the user should know, of the frames that were read so far.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notes: list[str] = []

    @cached_property
    def count(self) -> int:
        """Number of frames; raises as `at` does."""
        with picture_file(self.path) as image:
            return moments(self._there(image))

    @cached_property
    def times(self) -> list[float]:
        """When each frame is shown, in seconds from the first one; raises as `at` does."""
        now, times = 0.0, []  # milliseconds, which are whole but for a PNG's
        for image in self._frames():
            times.append(now / 1000)
            lasts = float(image.info.get("duration") or 0)
            now += lasts if lasts > FAST else SLOW
        return times

    def seconds(self, indices: Iterable[int]) -> list[float]:
        """When frames are shown; see `times`."""
        return [self.times[index] for index in indices]

    def at(self, indices: Iterable[int]) -> Iterator[tuple[int, Pixels]]:
        """Yield (index, frame) for the given indices, ascending and each once; frame is uint8 (H, W, 3) RGB.

        Raises:
            InputError: the file is damaged or cut short.
        """
        wanted = set(indices)
        for index, image in enumerate(self._frames()):
            if index in wanted:
                pixels, notes = as_pixels(self.path, ImageOps.exif_transpose(image))
                notes = [hdr_of(self.path, image), *notes]
                self.notes += [note for note in notes if note and note not in self.notes]
                yield index, pixels
            if index == max(wanted, default=0):
                return

    def _frames(self) -> Iterator[Image.Image]:
        with picture_file(self.path) as found:
            image = self._there(found)
            for index in range(moments(image)):
                image.seek(index)
                image.load()
                yield image

    def _there(self, image: Image.Image | None) -> Image.Image:
        if image is None:
            raise InputError(f"{self.path} can't be read as a picture: {DAMAGED}")
        return image


def clip_of(path: Path) -> Clip | Moving:
    """The frames of what `kind_of` calls a video."""
    with picture_file(path) as image:
        return Clip(path) if image is None or image.format == "PNG" else Moving(path)
