"""Videos as they are meant to be shown: which stream, upright, square pixels, without combs, one size; their times."""

import logging
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from advxai.common.errors import InputError
from advxai.media import streams, video
from advxai.media.shown import hdr_note, on_white, turned
from advxai.media.video import Clip, Probed, as_shown, count_frames, probe, read_at, read_frames, seconds_of
from tests.unit.corpus_faces import encoded

HARD = Path(__file__).parents[3] / "shared" / "data" / "hard"
RED, GREEN, BLUE, GREY = (250, 0, 0), (0, 250, 0), (0, 0, 250), (128, 128, 128)


def quarters(height: int = 48, width: int = 64) -> np.ndarray:
    """Red, green / blue, grey: tells each way of turning from every other."""
    image = np.empty((height, width, 3), np.uint8)
    image[: height // 2, : width // 2], image[: height // 2, width // 2 :] = RED, GREEN
    image[height // 2 :, : width // 2], image[height // 2 :, width // 2 :] = BLUE, GREY
    return image


def colours(image: np.ndarray) -> list[str]:
    """The four corners' colours, row by row."""
    named = {"red": RED, "green": GREEN, "blue": BLUE, "grey": GREY}
    height, width = image.shape[:2]
    corners = [image[y, x].astype(int) for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]
    return [min(named, key=lambda name: abs(corner - named[name]).sum()) for corner in corners]


def clip(path: Path, frames: list[np.ndarray], **settings: object) -> Path:
    """Write frames as H.264; settings: rotation=(degrees, mirrored), pixel, transfer, codec, form, options."""
    form = str(settings.get("form", "yuv420p"))
    with av.open(str(path), "w") as out:
        stream = out.add_stream(str(settings.get("codec", "libx264")), rate=25)
        stream.height, stream.width, stream.pix_fmt = *frames[0].shape[:2], form
        stream.options = {"crf": "1"} if "codec" not in settings else {}
        stream.options |= dict(settings.get("options", {}))
        if "matrix" in settings:
            stream.set_display_matrix(settings["matrix"])
        if "rotation" in settings:
            degrees, mirrored = settings["rotation"]
            stream.set_display_rotation(degrees, hflip=mirrored)
        if "pixel" in settings:
            stream.codec_context.sample_aspect_ratio = settings["pixel"]
        if "transfer" in settings:
            stream.codec_context.color_trc = settings["transfer"]
        for frame in frames:
            kind = "rgba" if frame.shape[-1] == 4 else "rgb24"
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format=kind)))
        out.mux(stream.encode(None))
    return path


def read(path: Path) -> tuple[np.ndarray, list[str]]:
    """The second frame, and the notes."""
    video = Clip(path)
    (_, frame), *_ = video.at([1])
    np.testing.assert_array_equal(dict(video.frames())[1], frame)
    return frame, video.notes


@pytest.mark.parametrize(
    "rotation, corners",
    [
        ((0, False), ["red", "green", "blue", "grey"]),
        ((90, False), ["green", "grey", "red", "blue"]),  # counter-clockwise
        ((180, False), ["grey", "blue", "green", "red"]),
        ((270, False), ["blue", "red", "grey", "green"]),
        ((0, True), ["green", "red", "grey", "blue"]),
        ((90, True), ["grey", "green", "blue", "red"]),
        ((180, True), ["blue", "grey", "red", "green"]),
        ((270, True), ["red", "blue", "green", "grey"]),
    ],
)
def test_a_clip_is_turned_and_mirrored_as_it_says(rotation, corners, tmp_path):
    path = clip(tmp_path / "a.mp4", [quarters()] * 2, rotation=rotation)
    frame, notes = read(path)
    assert colours(frame) == corners and notes == []
    assert frame.shape == ((64, 48, 3) if rotation[0] % 180 else (48, 64, 3))
    found = probe(path)
    assert (found.height, found.width) == frame.shape[:2]
    assert as_shown(path) == ({"mirrored": True} if rotation[1] else {})


def test_another_angle_is_said(tmp_path):
    frame, notes = read(clip(tmp_path / "a.mp4", [quarters()] * 2, rotation=(30, False)))
    assert colours(frame) == ["red", "green", "blue", "grey"]
    assert notes == ["It is meant to be turned by an angle that isn't a right one, and is shown as it is."]
    singular = (0x10000, 0, 0, 0x10000, 0, 0, 0, 0, 0x40000000)
    frame, notes = read(clip(tmp_path / "b.mp4", [quarters()] * 2, matrix=singular))
    assert colours(frame) == ["red", "green", "blue", "grey"] and "right one" in notes[0]


def test_pixels_become_square_before_they_are_turned(tmp_path):
    flat = clip(tmp_path / "wide.mp4", [quarters()] * 2, pixel=Fraction(2))
    frame, notes = read(flat)
    assert frame.shape == (48, 128, 3) and colours(frame) == ["red", "green", "blue", "grey"]
    assert notes == ["Its pixels are 2:1, so that 64 x 48 are shown as 128 x 48."]
    assert [probe(flat, square=square).width for square in (True, False)] == [128, 64] and as_shown(flat) == {
        "pixel": "2"
    }
    high, _ = read(clip(tmp_path / "high.mp4", [quarters()] * 2, pixel=Fraction(1, 2)))
    assert high.shape == (96, 64, 3)  # never less than there was
    turned_too = clip(tmp_path / "turned.mp4", [quarters()] * 2, pixel=Fraction(2), rotation=(90, False))
    frame, _ = read(turned_too)
    assert frame.shape == (128, 48, 3) and colours(frame) == ["green", "grey", "red", "blue"]
    assert (probe(turned_too).width, probe(turned_too).height) == (48, 128)
    # what nobody sees moves no sample
    plain, nearly = (
        read(clip(tmp_path / "n.mp4", [quarters()] * 2, **said))[0] for said in ({}, {"pixel": Fraction(100, 99)})
    )
    np.testing.assert_array_equal(plain, nearly)


def test_a_picture_of_two_moments_has_no_combs(tmp_path, caplog):
    """A white bar that moves by 16 pixels from one half-picture to the next: two bars, each in every second line."""
    frames = []
    for index in range(6):
        image = np.zeros((64, 96, 3), np.uint8)
        image[::2, 8 * index : 8 * index + 8] = 255
        image[1::2, 8 * index + 16 : 8 * index + 24] = 255
        frames.append(image)
    combed, smooth = (
        clip(tmp_path / f"{name}.mp4", frames, options={"crf": "1", "x264-params": said}, form="yuv420p")
        for name, said in (("smooth", "bframes=0"), ("combed", "tff=1:bframes=0"))
    )
    path = smooth  # the one that says that it is interlaced
    video = Clip(path)
    got = dict(video.frames())
    assert len(got) == 6 == count_frames(path)
    lines = got[3].mean(axis=2)
    assert (
        abs(np.diff(lines, axis=0))[8:-8].max()
        < 40
        < 200
        < abs(np.diff(dict(read_frames(combed))[3].mean(axis=2), axis=0)).max()
    )
    assert "interlaced" in video.notes[0] and as_shown(path) == {"interlaced": True}
    for index, frame in read_at(path, [0, 3, 5]):
        np.testing.assert_array_equal(frame, got[index])


def test_a_clip_that_changes_its_size_is_refused(tmp_path):
    for name, shape in (("a", (48, 64)), ("b", (64, 80))):
        clip(tmp_path / f"{name}.h264", [quarters(*shape)] * 3)
    joined = tmp_path / "joined.h264"
    joined.write_bytes((tmp_path / "a.h264").read_bytes() + (tmp_path / "b.h264").read_bytes())
    for said in (lambda: list(read_frames(joined)), lambda: list(read_at(joined, [1, 4]))):
        with pytest.raises(
            InputError, match="joined.h264 changes from 64 x 48 to 80 x 64 pixels: encode it anew at one"
        ):
            said()


def test_bright_screens_and_transparency_are_said(tmp_path):
    _, notes = read(clip(tmp_path / "pq.mp4", [quarters()] * 2, transfer=16))
    assert notes == [hdr_note(16)] and "HDR (PQ)" in notes[0] and "HLG" in hdr_note(18) and hdr_note(1) == ""
    seen = np.dstack([quarters(), np.full((48, 64), 255, np.uint8)])
    seen[24:, :, 3] = 0
    frame, notes = read(clip(tmp_path / "clear.mov", [seen] * 2, codec="qtrle", form="argb"))
    assert (frame[24:] == 255).all() and colours(frame)[:2] == ["red", "green"]
    assert notes == ["It is transparent in 50 % of its area and is shown on white."]
    assert as_shown(tmp_path / "clear.mov") == {"transparent": True}


def test_white_shows_through_by_the_share_that_is_transparent():
    rgba = np.array([[[100, 0, 200, 255], [100, 0, 200, 51], [7, 7, 7, 0]]], np.uint8)
    pixels, note = on_white(rgba)
    # 51 / 255 = .2: .2 * 100 + .8 * 255 = 224
    assert pixels.tolist() == [[[100, 0, 200], [224, 204, 244], [255, 255, 255]]] and "67 %" in note
    assert on_white(rgba[:, :1])[1] == ""


def test_turning_by_hand():
    image = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    assert turned(image, ((0, -1), (1, 0)))[..., 0].tolist() == [[3, 0], [4, 1], [5, 2]]  # (x, y) -> (-y, x): clockwise
    assert turned(image, ((-1, 0), (0, 1)))[..., 0].tolist() == [[2, 1, 0], [5, 4, 3]]


def joined(path: Path, *parts: Path) -> Path:
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def test_interlaced_frames_of_two_sizes_and_after_progressive_ones(tmp_path):
    """A filter that is given smaller frames than it was made for reads past their end."""
    noise = [np.random.default_rng(0).integers(0, 255, (64, 96, 3)).astype(np.uint8)] * 4
    options = {"options": {"crf": "1", "x264-params": "tff=1:bframes=0"}}
    large = clip(tmp_path / "large.h264", noise, **options)
    small = clip(tmp_path / "small.h264", [frame[:32, :64].copy() for frame in noise], **options)
    plain = clip(tmp_path / "plain.h264", noise, options={"crf": "1", "x264-params": "bframes=0"})
    changing = joined(tmp_path / "changing.h264", large, small)
    with pytest.raises(InputError, match="changes from 96 x 64 to 64 x 32 pixels"):
        list(read_frames(changing))
    assert count_frames(changing) == 8
    later = Clip(joined(tmp_path / "later.h264", plain, large))
    frames = dict(later.frames())
    assert len(frames) == 8 == later.count and "interlaced" in later.notes[0]
    np.testing.assert_array_equal(frames[0], dict(read_frames(plain))[0])
    for index, frame in later.at([3, 4, 7]):
        np.testing.assert_array_equal(frame, frames[index])


def test_a_pixel_shape_that_cant_be_meant_is_ignored(tmp_path):
    path = clip(tmp_path / "a.mp4", [quarters()] * 2, pixel=Fraction(10000))
    assert read(path)[0].shape == (48, 64, 3) and (probe(path).width, as_shown(path)) == (64, {})


def test_times_that_dont_ascend_are_no_reason_to_refuse_a_clip(tmp_path, monkeypatch):
    path = encoded(tmp_path / "a.mp4", 4)
    every = video.decoded
    monkeypatch.setattr(video, "decoded", lambda *given: (one._replace(time=9) for one in every(*given)))
    assert probe(path) == Probed(4, Fraction(25), 128, 96)


# -- streams ----------------------------------------------------------------------------------------------------------
def test_the_default_stream_is_shown(tmp_path):
    path = tmp_path / "two.mkv"
    with av.open(str(path), "w") as out:
        made = []
        for number in range(2):
            stream = out.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            stream.disposition = av.stream.Disposition.default if number else av.stream.Disposition(0)
            made.append(stream)
        for stream, grey in zip(made, (40, 200), strict=True):
            frame = np.full((48, 64, 3), grey, np.uint8)
            for _ in range(2):
                out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            out.mux(stream.encode(None))
    frame, notes = read(path)
    assert abs(frame.mean() - 200) < 2
    assert notes == ["Of its 2 video streams number 2 is taken, which is marked as the default."]
    assert as_shown(path) == {"stream": 1}


def test_a_name_with_a_colon_is_no_protocol(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written = encoded(tmp_path / "a.mp4", 3)
    for name in ("12:30.mp4", "concat:a.mp4", "-x.mp4", "pipe:", "%03d.mp4", "file:a.mp4"):
        copy = Path(name)
        (tmp_path / name).write_bytes(written.read_bytes())
        assert count_frames(copy) == 3 and len(list(read_at(copy, [1]))) == 1


def test_what_has_no_decoder_or_no_pictures_is_named(tmp_path, monkeypatch, caplog):
    path = encoded(tmp_path / "a.mp4", 3)

    def broken(*arguments):
        raise RuntimeError("never thought of")

    with monkeypatch.context() as patched:
        patched.setattr(streams, "_shown", broken)
        caplog.set_level(logging.INFO)
        with pytest.raises(InputError, match=r"a.mp4 can't be read as a video \(never thought of\): give a video that"):
            count_frames(path)
    assert "RuntimeError: never thought of" in caplog.text  # the traceback is in the log


@pytest.mark.skipif(not HARD.is_dir(), reason="shared/data/hard is absent")
@pytest.mark.parametrize(
    "name, message",
    [
        ("cover_art.mp3", "has no video, only sound and a cover picture: give a video file"),
        ("no_decoder.mp4", "is in a coding that no decoder is there for: convert it to H.264 in MP4"),
    ],
)
def test_hard_files_without_pictures(name, message):
    for call in (count_frames, lambda path: next(read_frames(path)), probe, as_shown):
        with pytest.raises(InputError, match=f"{name} {message}"):
            call(HARD / name)


@pytest.mark.skipif(not HARD.is_dir(), reason="shared/data/hard is absent")
def test_hard_videos():
    wide = Clip(HARD / "wide_pixels.mp4")
    assert [frame.shape for _, frame in wide.at([0, 40])] == [(320, 320, 3)] * 2 and wide.count == 75
    second = Clip(HARD / "second_is_default.mkv")
    (_, face), *_ = second.at([0])
    with av.open(str(HARD / "second_is_default.mkv")) as container:
        stream = container.streams.video[1]
        np.testing.assert_array_equal(face, next(container.decode(stream)).to_ndarray(format="rgb24"))
    # 31 frames a 40 ms, then every 200 ms
    assert seconds_of(HARD / "variable_rate.webm", [0, 30, 31, 38]) == pytest.approx([0, 1.2, 1.4, 2.8])


# -- times ------------------------------------------------------------------------------------------------------------
def test_times_of_a_stream_whose_packets_number_nothing(tmp_path):
    times = [0, 40, 80, 300, 700, 720]
    path = encoded(tmp_path / "a.webm", 6, codec="libvpx", times=times)
    assert seconds_of(path, range(6)) == pytest.approx([time / 1000 for time in times])


def test_a_variable_rate_is_told_from_a_constant_one_with_a_coarse_clock(tmp_path):
    assert (
        probe(encoded(tmp_path / "coarse.mkv", 30, times=[round(1000 * i / 23.976) for i in range(30)])).times is None
    )
    slow = [40 * i for i in range(10)] + [360 + 200 * i for i in range(1, 11)]
    found = probe(encoded(tmp_path / "slow.mkv", 20, times=slow))
    assert found.times == [Fraction(time, 1000) for time in slow]
    assert found.fps == Fraction(19 * 1000, slow[-1])  # 8.06 a second, which a file may call 25


def test_a_packet_that_claims_more_than_there_is_memory_for_is_the_files_fault(tmp_path, monkeypatch):
    path = encoded(tmp_path / "a.mp4", 3)

    def damaged(*arguments):
        raise av.error.MemoryError(12, "Cannot allocate memory", "a.mp4")
        yield

    monkeypatch.setattr(video, "decoded", damaged)
    with pytest.raises(InputError, match=r"a.mp4 can't be read as a video \(it claims more than there is memory for\)"):
        list(read_frames(path))


def test_a_video_without_its_first_frame_is_truncated(tmp_path):
    data = encoded(tmp_path / "whole.mp4", 20, container={"movflags": "faststart"}).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: data.index(b"mdat") + 40])
    with pytest.raises(InputError, match="cut.mp4 is truncated: its header promises 20 frames, 0 are there"):
        as_shown(tmp_path / "cut.mp4")
