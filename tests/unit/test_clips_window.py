"""Which frames make up a clip, and where its crops lie."""

import numpy as np
import pytest

from advxai.clips.box import placed
from advxai.clips.lists import BY_RULE
from advxai.clips.window import Faces, NoClip, chosen, followed
from advxai.media.rule import Rule
from tests.unit.clips_data import HEIGHT, WIDTH, face_at

ONE = face_at(30, 30)


def seen_in(*frames):
    """One face in these frames alone; counts the frames looked at."""
    looked = []

    def look(wanted):
        looked.extend(wanted)
        return [(frame, [ONE] if frame in frames else []) for frame in wanted]

    return Faces(look), looked


@pytest.mark.parametrize(
    ("count", "number", "step", "start", "frames"),
    [
        (20, 4, 1, BY_RULE, [8, 9, 10, 11]),
        (21, 4, 1, BY_RULE, [8, 9, 10, 11]),  # of 17 other frames 8 come before
        (20, 4, 3, BY_RULE, [5, 8, 11, 14]),
        (4, 4, 1, BY_RULE, [0, 1, 2, 3]),
        (20, 4, 2, 3, [3, 5, 7, 9]),
        (20, 4, 1, 18, [16, 17, 18, 19]),  # moved back as far as it takes
    ],
)
def test_which_frames_are_taken_where_the_face_is_in_all(count, number, step, start, frames):
    faces, looked = seen_in(*range(count))
    found, track = chosen(count, number, step, start, faces)
    assert found == frames and track == [ONE] * number
    assert looked == frames  # and no other is looked at


def test_a_clip_moves_to_the_nearest_place_where_the_face_is_in_all_frames():
    faces, _ = seen_in(*range(1, 6), *range(12, 20))  # 8..11 would be the middle; 12..15 is 4 away, 2..5 six
    assert chosen(20, 4, 1, BY_RULE, faces)[0] == [12, 13, 14, 15]
    faces, _ = seen_in(*range(5), *range(15, 20))  # 1..4 is 7 away, as is 15..18: the earlier one
    assert chosen(20, 4, 1, BY_RULE, faces)[0] == [1, 2, 3, 4]
    faces, looked = seen_in(8, 10, 12, 14, 16, 9, 11, 13)  # two apart from frame 4 on: in steps of two
    assert chosen(20, 4, 2, 4, faces)[0] == [8, 10, 12, 14]
    assert all(frame % 2 == 0 for frame in looked) and len(looked) == len(set(looked))


def test_where_the_face_is_nowhere_in_all_frames_all_that_counts_has_been_looked_at():
    faces, looked = seen_in(*(frame for frame in range(20) if frame % 4))
    reason = "one face is in only 3 of the 4 frames from 8 to 11, and in all of them at no other place (20 frames were"
    with pytest.raises(NoClip, match=reason.replace("(", r"\(")):
        chosen(20, 4, 1, BY_RULE, faces)
    assert sorted(looked) == list(range(20))
    faces, _ = seen_in()
    with pytest.raises(NoClip, match="no face in any of the 18 frames looked at"):  # 0 and 19 could change nothing
        chosen(20, 4, 1, BY_RULE, faces)


@pytest.mark.parametrize(
    ("count", "number", "start", "seen", "frames", "looked"),
    [
        # in all frames: the middles of four parts of 5, though 20 are looked at; from 12 on the beginnings of parts
        (20, 4, BY_RULE, range(20), [2, 7, 12, 17], 20),
        (20, 4, 12, range(20), [12, 14, 16, 18], 8),
        (300, 4, BY_RULE, range(300), [37, 112, 187, 262], 20),
        (300, 4, 100, range(300), [100, 150, 200, 250], 20),
        # of 100 frames 40 are looked at: 1, 3, 6, 8, 11, ...; those from 10 on are 36, of which the middles of 8 parts
        # are the 2nd, 6th, 11th, 15th, 20th, 24th, 29th and 33rd
        (100, 8, BY_RULE, range(10, 100), [16, 26, 38, 48, 61, 71, 83, 93], 40),
        (20, 4, BY_RULE, set(range(20)) - {7}, [2, 8, 12, 17], 20),  # a blink: of 19 the 2nd, 7th, 11th, 16th
        (20, 4, 6, range(8, 20), [8, 11, 14, 17], 14),  # 6 shows no face: it begins with the first that does
        # of 20 of 300 none or one is in 100..107, of 60 one or two, of 180 five: 100, 102, 104, 105, 107
        (300, 4, BY_RULE, range(100, 108), [100, 102, 105, 107], 180),
        (20, 4, BY_RULE, (2, 7, 17, 19), [2, 7, 17, 19], 20),
    ],
)
def test_a_clip_is_spread_over_the_frames_in_which_the_face_is_seen(count, number, start, seen, frames, looked):
    faces, shown = seen_in(*seen)
    found, track = chosen(count, number, "spread", start, faces)
    assert found == frames and track == [ONE] * number
    assert len(shown) == len(set(shown)) == looked


def test_a_face_that_moves_further_than_its_box_between_a_clips_frames_is_followed_through_others():
    """Eight pixels a frame, 20 wide: from one of the clip's frames to the next it has left its box."""
    faces = Faces(lambda wanted: [(frame, [face_at(30 + 8 * frame, 30), face_at(5, 5, 8, 8)]) for frame in wanted])
    frames, track = chosen(40, 4, "spread", BY_RULE, faces)
    assert frames == [5, 15, 25, 35]
    assert [face.box[0] for face in track] == [20 + 8 * frame for frame in frames]
    with pytest.raises(NoClip, match="one face is in only 3 of its 20 frames, a clip takes 4"):
        chosen(20, 4, "spread", BY_RULE, seen_in(2, 7, 17)[0])
    with pytest.raises(NoClip, match="no face in any of the 15 frames looked at"):
        chosen(20, 4, "spread", 5, seen_in(2)[0])


@pytest.mark.parametrize(
    ("count", "step", "start", "said"),
    [
        (3, 1, BY_RULE, "it has 3 frames, a clip of 4 takes 4"),
        (9, 3, BY_RULE, "it has 9 frames, a clip of 4, 3 apart, takes 10"),
        (3, "spread", BY_RULE, "it has 3 frames, a clip takes 4"),
        (10, "spread", 8, "it has 2 frames from frame 8 on, a clip takes 4"),
        (10, 1, 10, "it has 10 frames, and the clip is to begin with frame 10"),
        (0, 1, BY_RULE, "it has 0 frames, a clip of 4 takes 4"),
    ],
)
def test_a_video_that_is_too_short(count, step, start, said):
    faces, looked = seen_in(*range(count))
    with pytest.raises(NoClip, match=said):
        chosen(count, 4, step, start, faces)
    assert not looked


def test_the_face_is_the_largest_of_those_in_all_frames():
    small, large = face_at(70, 30, 10, 10), face_at(30, 30, 20, 20)
    huge = face_at(40, 40, 40, 40)
    both = [[large, small], [large, small], [large, small]]
    assert followed(both) == ([large] * 3, 3)
    left_out = [[large, small], [small], [large, small]]
    assert followed(left_out) == ([small] * 3, 3)
    elsewhere = [[face_at(20, 30)], [face_at(60, 30)]]  # boxes that don't overlap are two faces
    assert followed(elsewhere) == ([], 1)
    grows = [[small], [small, huge], [small, huge]]
    assert followed(grows) == ([small] * 3, 3)
    assert followed([[], []]) == ([], 0)


MOVING = [face_at(x, 32, width, 10) for x, width in ((30, 20), (34, 22), (40, 20), (44, 30))]


def bounds(places):
    return [place.bounds for place in places]


def test_fixed_is_one_box_around_the_mean_of_the_middles_with_the_median_side():
    # middles 30, 34, 40, 44: mean 37; widths 20, 22, 20, 30: median 21, times 2 is 42
    places = placed(MOVING, Rule(scale=2.0), "fixed", HEIGHT, WIDTH)
    assert bounds(places) == [(16, 11, 58, 53)] * 4


def test_followed_moves_the_box_of_one_size_with_the_face():
    places = placed(MOVING, Rule(scale=2.0), "followed", HEIGHT, WIDTH)
    assert bounds(places) == [(x - 21, 11, x + 21, 53) for x in (30, 34, 40, 44)]


@pytest.mark.parametrize("edges", ["shift", "clip", "shrink", "pad"])
@pytest.mark.parametrize("margins", [None, (0.1, 0.3, 0.2, 0.15)])
@pytest.mark.parametrize("square", [True, False])
def test_all_crops_of_a_clip_have_one_size_at_any_edge(edges, margins, square):
    generator = np.random.default_rng(0)
    for _ in range(20):
        at = generator.uniform((5, 5), (WIDTH - 5, HEIGHT - 5), (5, 2))
        clip = [face_at(x, y, *sides) for (x, y), sides in zip(at, generator.uniform(8, 30, (5, 2)), strict=True)]
        places = placed(clip, Rule(1.3, margins, square, edges), "followed", HEIGHT, WIDTH)
        frame = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        assert len({place.cut(frame).shape for place in places}) == 1
        assert min(places[0].size) > 0


def test_what_the_edge_cuts_off_one_crop_is_cut_off_all():
    # a box of 20 x 10 around x = 5 reaches from -5 to 15; cut off at the edge it is 15 wide, and so is the other,
    # 40..60 less 2 at the left and 3 at the right
    places = placed(
        [face_at(5, 32, 20, 10), face_at(50, 32, 20, 10)], Rule(1.0, None, False, "clip"), "followed", 64, 96
    )
    assert bounds(places) == [(0, 27, 15, 37), (42, 27, 57, 37)]


def test_warped_crops_go_by_the_landmarks_medians_or_each_frames():
    rule = Rule(align=48)
    fixed = placed(MOVING, rule, "fixed", HEIGHT, WIDTH)
    assert {place.size for place in fixed} == {(48, 48)} and len({place.matrix for place in fixed}) == 1
    medians = np.median([face.landmarks for face in MOVING], axis=0)
    assert fixed[0] == rule.place(MOVING[0].box, medians, HEIGHT, WIDTH)
    followed_ = placed(MOVING, rule, "followed", HEIGHT, WIDTH)
    assert followed_ == [rule.place(face.box, face.landmarks, HEIGHT, WIDTH) for face in MOVING]
