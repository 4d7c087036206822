from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import PictureType

from advxai.common.errors import InputError
from advxai.media import video
from advxai.media.video import Probed, check_whole, count_frames, probe, read_at, read_frames, seconds_of, write_video
from tests.unit.corpus_faces import encoded, synthetic_frame

FPS = Fraction(24000, 1001)


def grey_ramp(count: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """Frame i is grey of value 20 + 10 i, which survives the encoder and tells which frame it is."""
    return [np.full((height, width, 3), 20 + 10 * index, np.uint8) for index in range(count)]


def test_round_trip_is_frame_exact(tmp_path: Path) -> None:
    path = tmp_path / "a" / "clip.mp4"
    assert write_video(path, grey_ramp(20), FPS) == 20
    assert probe(path) == Probed(20, FPS, 64, 48)
    read = list(read_frames(path, 3, 17, 5))
    assert [index for index, _ in read] == [3, 8, 13]
    for index, frame in read:
        assert frame.shape == (48, 64, 3) and frame.dtype == np.uint8
        assert abs(float(frame.mean()) - (20 + 10 * index)) < 2
    assert [p.name for p in path.parent.iterdir()] == ["clip.mp4"]


def test_same_frames_same_bytes(tmp_path: Path) -> None:
    # textured and 160 x 128: what x264's macroblock tree encoded differently from run to run
    frames = [synthetic_frame(index) for index in range(8)]
    written = set()
    for _ in range(20):
        write_video(tmp_path / "clip.mp4", frames, FPS)
        written.add((tmp_path / "clip.mp4").read_bytes())
    assert len(written) == 1


def test_odd_sizes_lose_their_last_line(tmp_path: Path) -> None:
    write_video(tmp_path / "odd.mp4", grey_ramp(3, 49, 65), FPS)
    found = probe(tmp_path / "odd.mp4")
    assert (found.width, found.height) == (64, 48)


def test_a_failed_encoding_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="frame 1 has shape"):
        write_video(tmp_path / "a.mp4", [*grey_ramp(1), *grey_ramp(1, 50)], FPS)
    with pytest.raises(ValueError, match="no frame"):
        write_video(tmp_path / "a.mp4", [], FPS)
    assert list(tmp_path.iterdir()) == []


def test_not_a_video(tmp_path: Path) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("no video at all")
    for path in (text, tmp_path / "absent.mp4"):
        with pytest.raises(InputError, match=path.name):
            probe(path)
        with pytest.raises(InputError, match=path.name):
            next(read_frames(path))


@pytest.fixture
def sought(monkeypatch) -> list[int]:
    """Indices of the frames decoded after seeking."""
    seen: list[int] = []
    from_key = video._from_key

    def watched(*arguments):
        for index, frame in from_key(*arguments):
            seen.append(index)
            yield index, frame

    monkeypatch.setattr(video, "_from_key", watched)
    return seen


def agree(path: Path, *choices: list[int]) -> None:
    """Seeking gives, of all frames and of each choice, what decoding from the start gives."""
    every = [frame for _, frame in read_frames(path)]
    assert count_frames(path) == len(every) > 0
    for choice in (range(len(every)), *choices):
        read = list(read_at(path, choice))
        assert [index for index, _ in read] == sorted(choice)
        assert all((frame == every[index]).all() for index, frame in read)


CHOICES = ([37], [0, 39], [9, 10, 11], [38, 12, 25], [20])


def test_seeking_equals_decoding_from_the_start_with_b_frames(tmp_path, sought):
    path = encoded(tmp_path / "b.mp4", 40, options={"preset": "fast"})
    with av.open(str(path)) as container:
        assert PictureType.B in {frame.pict_type for frame in container.decode(video=0)}
    agree(path, *CHOICES)
    sought.clear()
    assert [index for index, _ in read_at(path, [13, 35, 13])] == [13, 35]
    assert sought == [*range(10, 14), *range(30, 36)]  # from the keyframe on, not more
    sought.clear()
    assert list(read_at(path, [40, 99])) == list(read_at(path, [])) == [] == sought
    with pytest.raises(ValueError, match="frame -1"):
        next(read_at(path, [-1]))


def test_twenty_of_five_hundred_frames_are_few_frames_decoded(tmp_path, sought):
    path = encoded(tmp_path / "long.mp4", 500)
    assert len(list(read_at(path, range(2, 500, 25)))) == 20
    assert len(sought) == 10 * 3 + 10 * 8  # frame 2 and frame 7 of ten groups of ten each


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("a.mkv", {}),
        ("a.ts", {}),
        ("fragments.mp4", {"container": {"movflags": "frag_keyframe+empty_moov"}}),
        ("variable.mp4", {"times": [30 * i + 11 * (i % 3) + (500 if i > 20 else 0) for i in range(40)]}),
        ("open.mp4", {"options": {"x264-params": "open-gop=1:bframes=3"}}),
        ("hevc.mp4", {"codec": "libx265", "options": {"x265-params": "log-level=none"}}),
    ],
)
def test_containers_and_clocks_that_can_be_sought_in(name, settings, tmp_path, sought):
    agree(encoded(tmp_path / name, 40, **settings), *CHOICES)
    assert sought


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("a.h264", {}),  # no times
        ("a.avi", {}),  # times of decoding
        ("hidden.webm", {"codec": "libvpx", "options": {"auto-alt-ref": "1", "lag-in-frames": "16"}}),
        ("refresh.mp4", {"options": {"x264-params": "intra-refresh=1"}}),  # keyframes that aren't
        ("interlaced.mp4", {"options": {"x264-params": "tff=1"}}),
    ],
)
def test_clips_that_must_be_decoded_from_the_start(name, settings, tmp_path, caplog):
    caplog.set_level("INFO")
    agree(encoded(tmp_path / name, 40, **settings), *CHOICES)
    assert f"{name}: " in caplog.text and "decoded from its start" in caplog.text


def test_frames_are_shown_when_their_time_stamps_say_or_else_by_the_mean_rate(tmp_path):
    uneven = encoded(tmp_path / "uneven.mp4", 4, times=[0, 40, 500, 1000])
    assert seconds_of(uneven, [0, 1, 3]) == pytest.approx([0, 0.04, 1.0])
    late = encoded(tmp_path / "late.mkv", 3, times=[2000, 2040, 2080])
    assert seconds_of(late, [0, 2]) == pytest.approx([0, 0.08])
    packets_tell_nothing = encoded(tmp_path / "clip.avi", 5)
    assert seconds_of(packets_tell_nothing, [0, 4]) == pytest.approx([0, 4 / 25])


def test_frames_before_an_edit_list_have_no_index(tmp_path, sought):
    """A copy cut at 0.52 s, inside a group of frames: what is decoded only for those after it isn't shown."""
    with av.open(str(encoded(tmp_path / "a.mp4", 40))) as source, av.open(str(tmp_path / "cut.mp4"), "w") as copy:
        stream = copy.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                shift = int(Fraction(13, 25) / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, stream
                copy.mux(packet)
    every = [frame for _, frame in read_frames(tmp_path / "a.mp4")]
    cut = dict(read_at(tmp_path / "cut.mp4", [0, 12, 26]))
    assert count_frames(tmp_path / "cut.mp4") == 27
    assert all((frame == every[index + 13]).all() for index, frame in cut.items()) and len(cut) == 3
    agree(tmp_path / "cut.mp4", [5], [26])
    check_whole(tmp_path / "cut.mp4")


def test_time_stamps_found_wrong_too_late_are_an_error(tmp_path, monkeypatch):
    path = encoded(tmp_path / "a.mp4", 20)
    from_key = video._from_key

    def shifted(*arguments):
        yield from ((index - 1, frame) for index, frame in from_key(*arguments) if index in (5, 6))
        raise video.Unseekable("a frame is missing")

    monkeypatch.setattr(video, "_from_key", shifted)
    with pytest.raises(InputError, match="a.mp4 has time stamps that don't number its frames: encode it anew"):
        list(read_at(path, [5, 15]))


@pytest.mark.parametrize("flags", ["faststart", "frag_keyframe+empty_moov"])
def test_a_truncated_clip_is_named_with_what_is_there(flags, tmp_path):
    path = encoded(tmp_path / "whole.mp4", 40, container={"movflags": flags})
    check_whole(path)
    data = path.read_bytes()
    cut = tmp_path / "half.mp4"
    cut.write_bytes(data[: len(data) // 2])
    for read in (check_whole, count_frames, lambda path: next(read_at(path, [0]))):
        with pytest.raises(
            InputError, match=r"half.mp4 is truncated: its header promises \d+ frames, \d+ are there: do"
        ):
            read(cut)


def test_a_clip_cut_between_two_frames_is_truncated(tmp_path):
    """Decoding wouldn't notice."""
    path = encoded(tmp_path / "whole.mp4", 40, container={"movflags": "faststart"})
    with av.open(str(path)) as container:
        ends = [entry.pos + entry.size for entry in container.streams.video[0].index_entries]
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(path.read_bytes()[: ends[11]])
    assert len(list(read_frames(cut))) == 12
    with pytest.raises(InputError, match="promises 40 frames, 12 are there"):
        check_whole(cut)


def test_an_index_at_the_end_that_is_missing_makes_no_video(tmp_path):
    path = encoded(tmp_path / "a.mp4", 40)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(InputError, match="a.mp4 can't be read as a video"):
        check_whole(path)


def test_a_title_in_another_encoding_is_no_reason_to_refuse_a_video(tmp_path):
    path = encoded(tmp_path / "a.mp4", 40)
    with av.open(str(path)) as source, av.open(str(tmp_path / "titled.mp4"), "w", metadata_encoding="latin-1") as copy:
        copy.metadata["title"] = "K\u00f6ln"
        stream = copy.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)
    assert b"K\xf6ln" in (tmp_path / "titled.mp4").read_bytes()
    check_whole(tmp_path / "titled.mp4")
    for (_, kept), (_, titled) in zip(read_frames(path), read_frames(tmp_path / "titled.mp4"), strict=True):
        np.testing.assert_array_equal(kept, titled)
    assert [index for index, _ in read_at(tmp_path / "titled.mp4", [25])] == [25]


def test_spoilt_data_inside_are_an_error(tmp_path):
    path = encoded(tmp_path / "a.mp4", 40)
    with av.open(str(path)) as container:
        entry = container.streams.video[0].index_entries[20]
        start, size = entry.pos, entry.size  # it points into the container: closed, it reads freed memory
    data = bytearray(path.read_bytes())
    data[start : start + size] = bytes([255]) * size
    path.write_bytes(data)
    check_whole(path)
    for read in (lambda: list(read_frames(path)), lambda: list(read_at(path, [25]))):
        with pytest.raises(InputError, match="a.mp4 can't be read as a video"):
            read()
    assert [index for index, _ in read_at(path, [5])] == [5]
