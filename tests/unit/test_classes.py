"""A detector's classes: what a category belongs to, what an image is called, and what a file of weights says of it."""

import numpy as np
import pytest
import torch

from advxai.common.classes import FIVE, NONE, Classes
from advxai.common.errors import InputError
from advxai.config.classes import classes_of
from advxai.config.science import Detector as Settings

BINARY = Classes.named(["Fake", "Real"])
LAST = Classes.named(["A", "Deepfakes", "Genuine"], real="Genuine")
MESO = Classes.named(["Real", "Fake"], output="sigmoid", positive="Real")


def both(values: list) -> list:
    return [np.array(values, np.float32), torch.tensor(values)]


def test_a_category_belongs_to_the_class_of_its_name_else_to_the_only_fake_one_else_to_none():
    categories = ("Real", "actors", "NeuralTextures", "Deepfakes", "FaceShifter")
    assert [FIVE.of(name) for name in categories] == [0, 0, 1, 3, None]
    assert [BINARY.of(name) for name in categories] == [1, 1, 0, 0, 0]
    assert [LAST.of(name) for name in categories] == [2, 2, None, 1, None]
    assert [LAST.label(name) for name in categories] == [2, 2, NONE, 1, NONE]


def test_without_a_threshold_the_likeliest_class_is_called():
    """The first of equals, as argmax has it."""
    for values in both([[0.3, 0.4, 0.3], [0.3, 0.3, 0.4], [0.4, 0.2, 0.4]]):
        assert LAST.called(values).tolist() == [1, 2, 0]
        assert LAST.called_real(values).tolist() == [False, True, False]


def test_with_a_threshold_p_fake_decides_whatever_is_likeliest():
    """At .55: .6 as the sum of two fakes, of which the second is likelier, though the real class is likeliest of all;
    .55 itself; and just below, where the fake class is the likeliest."""
    classes = Classes.named(LAST.names, real="Genuine", threshold=0.55)
    values = [[0.25, 0.35, 0.4], [0.0, 0.55, 0.45], [0.54, 0.0, 0.46]]
    for probabilities in both(values):
        assert classes.called(probabilities).tolist() == [1, 1, 2]
        assert classes.called_real(probabilities).tolist() == [False, False, True]
        assert [int(classes.called(row)) for row in probabilities] == [1, 1, 2]  # one image
        assert classes.p_fake(probabilities).tolist() == pytest.approx([0.6, 0.55, 0.54])
    low = Classes.named(["Fake", "Real"], threshold=0.2)
    for probabilities in both([[0.2, 0.8], [0.19, 0.81]]):
        assert low.called(probabilities).tolist() == [0, 1]


def test_right_is_the_own_class_or_for_a_category_without_one_any_fake():
    predicted, label = np.array([1, 2, 0, 2, 0]), np.array([1, 0, 0, NONE, NONE])
    assert LAST.right(predicted, label).tolist() == [True, False, True, False, True]


def test_outputs_and_order():
    assert (FIVE.outputs, BINARY.outputs, MESO.outputs) == (5, 2, 1)
    assert MESO.positive == 0 and Classes.named(["Real", "Fake"], output="sigmoid").positive == 1
    assert FIVE.ordered(["FaceSwap", "FaceShifter", "Deepfakes"]) == [
        "Real", "FaceSwap", "Deepfakes", "NeuralTextures", "Face2Face"
    ]  # fmt: skip
    assert LAST.fakes == [0, 1] and LAST.real_name == "Genuine"


@pytest.mark.parametrize("classes", [FIVE, BINARY, LAST, MESO, Classes.named(["Fake", "Real"], threshold=0.55)])
def test_what_is_said_is_read_again(classes):
    assert Classes.read(classes.said) == classes


def test_what_is_at_its_default_is_not_said():
    """So that files and digests of FF++'s five are as before these keys."""
    assert FIVE.said == FIVE.head == {"classes": list(FIVE.names)}
    assert MESO.said == {"classes": ["Real", "Fake"], "output": "sigmoid", "positive": "Real"}
    assert Classes.named(["Real", "A"], threshold=0.3).head == {"classes": ["Real", "A"]}
    assert Classes.read({}) == FIVE


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"names": ["Real"]}, "detector.classes: Real: give at least two names, each once"),
        ({"names": ["Real", "Real"]}, "detector.classes: Real, Real: give at least two names, each once"),
        ({"names": ["Real", ""]}, "detector.classes: '': a name is one line of printable characters"),
        ({"names": ["Real", "a\nb"]}, r"detector.classes: 'a\nb': a name is one line"),
        (
            {"names": ["Real", "$x^$"]},
            "detector.classes: '$x^$': a name is one line of printable characters, without $",
        ),
        ({"names": ["Real", " A"]}, "detector.classes: ' A': a name"),
        ({"names": ["Real", "overall"]}, "and none of overall, weighted, real_vs_fake"),
        ({"names": ["Real", "\ud800"]}, r"detector.classes: '\ud800': a name"),
        ({"names": ["Original", "Fake"]}, "detector.real: Real is none of the detector's classes, Original, Fake"),
        ({"names": ["Real", "A"], "positive": "A"}, "detector.positive: is for output: sigmoid alone"),
        ({"names": ["Real", "A", "B"], "output": "sigmoid"}, "detector.output: a sigmoid has two classes, not Real, A"),
        ({"names": ["Real", "A"], "output": "sigmoid", "positive": "B"}, "detector.positive: B is none of"),
    ],
)
def test_what_are_no_classes_is_refused(arguments, said):
    with pytest.raises(InputError) as caught:
        Classes.named(**arguments)
    assert said in str(caught.value)


def settings(**detector) -> Settings:
    return Settings(**detector)


def test_the_configuration_comes_first_then_the_file_then_the_network():
    assert classes_of(settings(), {}) == FIVE
    assert classes_of(settings(model="meso4"), {}) == MESO
    said = Classes.named(["Real", "Fake"], output="sigmoid", threshold=0.4).said
    assert classes_of(settings(), said) == Classes.read(said)
    assert classes_of(settings(model="meso4"), said) == Classes.read(said)  # a Meso of ours, p(Fake)
    assert classes_of(settings(threshold=0.7), said).threshold == 0.7
    assert classes_of(settings(model="meso4"), FIVE.said) == FIVE  # trained on five classes
    order = classes_of(settings(model="meso4", classes=["Fake", "Real"]), {})
    assert (order.names, order.names[order.positive]) == (("Fake", "Real"), "Real")
    softmax = classes_of(settings(model="meso4", output="softmax"), {})
    assert (softmax.outputs, softmax.positive) == (2, None)
    others = classes_of(settings(model="meso4", classes=["Real", "A", "B"]), {})
    assert (others.names, others.output) == (("Real", "A", "B"), "softmax")
    assert classes_of(settings(threshold="likeliest"), said).threshold is None


def test_other_names_of_two_classes_keep_whose_probability_the_sigmoid_is():
    """MesoNet's is p(real), whatever the classes are called; so is it with a file of ours."""
    renamed = classes_of(settings(model="meso4", classes=["Deepfakes", "Pristine"], real="Pristine"), {})
    assert (renamed.output, renamed.positive, renamed.real) == ("sigmoid", 1, 1)
    fake = classes_of(settings(model="meso4", classes=["Real", "Deepfakes"], output="sigmoid"), {})
    assert fake.names[fake.positive] == "Real"
    own = Classes.named(["Real", "Fake"], output="sigmoid", positive="Fake", threshold=0.4).said
    assert classes_of(settings(classes=["Real", "Deepfakes"]), own) == Classes.named(
        ["Real", "Deepfakes"], output="sigmoid", positive="Deepfakes", threshold=0.4
    )
    turned = classes_of(settings(model="meso4", classes=["Real", "Deepfakes"], positive="Deepfakes"), {})
    assert turned.positive == 1
    with pytest.raises(InputError, match="detector.real: Real is none of the detector's classes, Original, Deepfakes"):
        classes_of(settings(model="meso4", classes=["Original", "Deepfakes"]), {})


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({"classes": 5}, "classes can't be 5"),
        ({"classes": ["Real", 1]}, r"classes can't be \['Real', 1\]"),
        ({"output": "bogus"}, "output can't be 'bogus'"),
        ({"threshold": 7}, "threshold can't be 7"),
        ({"threshold": "x"}, "threshold can't be 'x'"),
        ({"threshold": True}, "threshold can't be True"),
        ({"real": ["Real"]}, r"real can't be \['Real'\]"),
    ],
)
def test_metadata_that_nobody_of_ours_has_written(said, wrong):
    with pytest.raises(InputError, match=f"^d.safetensors: its metadata: {wrong}; save the checkpoint anew"):
        classes_of(settings(), said, "d.safetensors")


def test_a_mean_is_held_against_the_threshold_as_its_frames_are():
    """.7 as a float32 is less than .7: a video of one frame is called what the frame is."""
    classes = Classes.named(["Real", "Fake"], threshold=0.7)
    frame = np.array([1 - np.float32(0.7), np.float32(0.7)], np.float32)
    assert classes.called(frame) == classes.called(frame.astype(np.float64)) == 1
    assert int(classes.called(torch.from_numpy(frame))) == 1


def test_a_mesonet_sees_256_pixels_as_they_are():
    own = settings(model="mesoinception4")
    assert (own.input_size, own.mean, own.std) == (256, (0, 0, 0), (1, 1, 1))
    assert settings(model="meso4", input_size=128).input_size == 128
    assert settings().input_size == 224 and settings().mean is None
