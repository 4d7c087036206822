"""Pictures and videos, of every coding that can be written here.

Libraries are imported where they are used: each form has processes of its own.
"""

from pathlib import Path

from tests.fuzz.kinds import SEEDED, Reader


def pictures(folder: Path) -> None:
    import numpy as np
    from PIL import Image

    draw = np.random.default_rng(SEEDED)
    smooth = np.linspace(0, 255, 24 * 32 * 3).reshape(24, 32, 3).astype(np.uint8)
    noise = draw.integers(0, 256, (24, 32, 3), dtype=np.uint8)
    for name, save in {
        "a.png": {}, "a.jpg": {}, "a.webp": {}, "a.tiff": {}, "a.bmp": {}, "a.gif": {}, "a.avif": {}, "a.ppm": {},
        "a.jp2": {}, "a.ico": {}, "a.tga": {}, "a.sgi": {}, "a.pcx": {}, "a.dds": {}, "a.qoi": {}, "a.icns": {},
        "progressive.jpg": {"progressive": True}, "lzw.tiff": {"compression": "tiff_lzw"},
        "lossless.webp": {"lossless": True},
        "deflate.tiff": {"compression": "tiff_adobe_deflate"}, "jpeg.tiff": {"compression": "jpeg"},
    }.items():  # fmt: skip
        picture = Image.fromarray(noise if name.startswith("a.") else smooth)
        if name == "progressive.jpg":
            exif = Image.Exif()
            exif[0x0112] = 6
            save["exif"] = exif
        picture.save(folder / name, **save)
    frames = [Image.fromarray(np.roll(noise, step, axis=1)) for step in range(4)]
    for name in ("moving.gif", "moving.webp", "moving.png", "moving.avif", "pages.tiff"):
        frames[0].save(folder / name, save_all=True, append_images=frames[1:])
    Image.fromarray(noise).convert("RGBA").save(folder / "rgba.png")
    Image.fromarray(noise).convert("P").save(folder / "palette.png")
    Image.fromarray(noise[..., 0].astype(np.uint16) * 257).save(folder / "sixteen.png")
    Image.fromarray(noise).convert("CMYK").save(folder / "cmyk.jpg")


def picture_readers(name: str) -> list[Reader]:
    from advxai.media.moving import clip_of
    from advxai.media.pictures import kind_of, read_picture

    def picture(path: Path) -> object:
        return read_picture(path) if kind_of(path) == "picture" else list(clip_of(path).at([0, 2]))

    return [picture]


def crops(folder: Path) -> None:
    import numpy as np
    from PIL import Image

    draw = np.random.default_rng(SEEDED)
    for place in ("test_set/Original/000", "test_set/Deepfakes/000_001", "training_set/Original/002"):
        (folder / place).mkdir(parents=True)
        for name in ("0_0.png", "23_0.png", "23_1.png"):
            Image.fromarray(draw.integers(0, 256, (12, 10, 3), dtype=np.uint8)).save(folder / place / name)


def tree_readers(name: str) -> list[Reader]:
    from advxai.frames.crops import from_tree

    return [lambda path: from_tree(path, "c23", ["Real", "Deepfakes"])]


VIDEOS = {
    "h264.mp4": "libx264", "h264.mkv": "libx264", "h264.mov": "libx264", "h264.flv": "libx264", "h264.ts": "libx264",
    "h264.avi": "libx264", "hevc.mp4": "libx265", "vp8.webm": "libvpx", "vp9.webm": "libvpx-vp9",
    "mpeg4.avi": "mpeg4", "mpeg4.mp4": "mpeg4", "mjpeg.avi": "mjpeg", "mjpeg.mov": "mjpeg", "mpeg2.mpg": "mpeg2video",
    "mpeg2.ts": "mpeg2video", "wmv.asf": "wmv2", "ffv1.mkv": "ffv1", "prores.mov": "prores_ks",
    "huffyuv.avi": "huffyuv", "vp9.mp4": "libvpx-vp9",
    "flv.flv": "flv", "gif.gif": "gif", "theora.ogv": "libtheora", "av1.mp4": "libsvtav1", "h263.3gp": "h263",
}  # fmt: skip


def videos(folder: Path) -> None:
    from fractions import Fraction

    import av
    import numpy as np

    draw = np.random.default_rng(SEEDED)
    still = draw.integers(0, 256, (9, 11, 3), dtype=np.uint8).repeat(16, axis=0).repeat(16, axis=1)
    for name, codec in VIDEOS.items():
        if codec not in av.codecs_available:
            continue
        with av.open(str(folder / name), "w") as container:
            stream = container.add_stream(codec, rate=Fraction(25))
            stream.width, stream.height = 176, 144
            stream.pix_fmt = stream.codec_context.codec.video_formats[0].name if codec != "libx264" else "yuv420p"
            stream.codec_context.thread_count = 1
            stream.codec_context.gop_size = 4
            for number in range(9):
                frame = av.VideoFrame.from_ndarray(np.roll(still, 5 * number, axis=1), format="rgb24")
                container.mux(stream.encode(frame.reformat(format=stream.pix_fmt)))
            container.mux(stream.encode(None))


def video_readers(name: str) -> list[Reader]:
    from advxai.media.moving import clip_of
    from advxai.media.pictures import kind_of
    from advxai.media.video import count_frames, probe, read_at, read_frames, seconds_of

    return [
        lambda path: kind_of(path) == "video" and list(clip_of(path).at([0, 2])),
        count_frames,
        probe,
        lambda path: list(read_frames(path, 1, 6, 2)),
        lambda path: list(read_at(path, [0, 3, 7])),
        lambda path: seconds_of(path, range(count_frames(path))),
    ]
