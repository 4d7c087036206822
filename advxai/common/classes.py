"""The classes that a detector tells apart: data that travel with it, and the place that says what an image is called.

A corpus has categories (`advxai.common.categories`), a detector has classes; `Classes.of` maps the ones to the others.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, Literal, get_args

from advxai.common.categories import MANIPULATIONS, REAL, genuine
from advxai.common.errors import InputError

Output = Literal["softmax", "sigmoid"]
NONE = -1  # the label of a category that a detector has no class for
RESERVED = ("overall", "weighted", "real_vs_fake")  # lines of the detector's metrics
KEYS = ("classes", "real", "output", "positive", "threshold")  # of the configuration and of our files of weights


@dataclass(frozen=True)
class Classes:
    """A detector's classes.

    Probabilities have a column a class, in the order of `names`, also where the network itself has one output alone.

    Attributes:
        names: in the order of the outputs; of a sigmoid's two classes in any order.
        real: index of the class of genuine images.
        output: what makes probabilities of the network's logits: a softmax over one a class, or a sigmoid of a single
            one.
        positive: index of the class whose probability the sigmoid is; None with a softmax.
        threshold: an image is called fake at p(fake) >= threshold, p(fake) the sum over all classes but the real one;
            None: where its likeliest class isn't the real one.
    """

    names: tuple[str, ...] = (REAL, *MANIPULATIONS)
    real: int = 0
    output: Output = "softmax"
    positive: int | None = None
    threshold: float | None = None

    @classmethod
    def named(
        cls,
        names: Sequence[str],
        real: str = REAL,
        output: Output = "softmax",
        positive: str | None = None,
        threshold: float | None = None,
    ) -> "Classes":
        """Classes by their names.

        Args:
            names: in the order of the outputs.
            real: the class of genuine images.
            output: softmax or sigmoid.
            positive: of a sigmoid: the class whose probability it is; None: the other one than `real`.
            threshold: in (0, 1).

        Raises:
            InputError: they aren't the classes of any detector; says which key of the configuration is wrong.
        """
        names = tuple(names)
        listed = ", ".join(names)
        if len(names) < 2 or len(set(names)) < len(names):
            raise InputError(f"detector.classes: {listed or 'none'}: give at least two names, each once")
        wrong = next((name for name in names if not _usable(name)), None)
        if wrong is not None:
            raise InputError(
                f"detector.classes: {wrong!a}: a name is one line of printable characters, without $ and blanks at "
                f"its ends, and none of {', '.join(RESERVED)}"
            )
        if real not in names:
            raise InputError(f"detector.real: {real} is none of the detector's classes, {listed}; set it to one")
        if output == "softmax" and positive is not None:
            raise InputError("detector.positive: is for output: sigmoid alone; take it out")
        if output == "sigmoid":
            if len(names) != 2:
                raise InputError(f"detector.output: a sigmoid has two classes, not {listed}; set detector.classes")
            positive = positive if positive is not None else next(name for name in names if name != real)
            if positive not in names:
                raise InputError(f"detector.positive: {positive} is none of the detector's classes, {listed}")
        place = None if positive is None else names.index(positive)
        return cls(names, names.index(real), output, place, threshold)

    @property
    def outputs(self) -> int:
        """Outputs of the network: logits of an image."""
        return 1 if self.output == "sigmoid" else len(self.names)

    @property
    def real_name(self) -> str:
        """The class of genuine images."""
        return self.names[self.real]

    @property
    def positive_name(self) -> str | None:
        """The class whose probability the sigmoid is; None with a softmax."""
        return None if self.positive is None else self.names[self.positive]

    @property
    def fakes(self) -> list[int]:
        """Indices of the other classes."""
        return [index for index in range(len(self.names)) if index != self.real]

    def ordered(self, categories: Sequence[str]) -> list[str]:
        """Their names as tables and figures show them: the real one, those of these categories, the others."""
        return list(dict.fromkeys([self.real_name, *(name for name in categories if name in self.names), *self.names]))

    def of(self, category: str) -> int | None:
        """The class of a corpus's category.

        Returns:
            The index of the class of its own name; of the real one, if the category is genuine; of the only fake one;
            else None: it is out of the detector's distribution.
        """
        if genuine(category):
            return self.real
        if category in self.names:
            return self.names.index(category)
        return self.fakes[0] if len(self.fakes) == 1 else None

    def label(self, category: str) -> int:
        """`of` as a number in a table: NONE where there is no class."""
        found = self.of(category)
        return NONE if found is None else found

    def right(self, predicted: Any, label: Any) -> Any:
        """Whether images are called what they are: the class of their category or, where there is none, fake.

        Args:
            predicted: indices of classes, an array or a column of a table.
            label: as of `label`, likewise; a category without a class is a manipulation.
        """
        return ((label != NONE) & (predicted == label)) | ((label == NONE) & (predicted != self.real))

    def called(self, probabilities: Any) -> Any:
        """What images are called.

        Args:
            probabilities: (..., classes), a numpy array or a torch tensor.

        Returns:
            Indices (...) of the classes: of the likeliest one or, with a threshold, of the likeliest fake one where
            p(fake) reaches it, else of the real one.
        """
        if self.threshold is None:
            return probabilities.argmax(-1)
        likeliest = probabilities[..., self.fakes].argmax(-1)
        likeliest = likeliest + (likeliest >= self.real)  # among the fakes -> among all
        # as a float32, which probabilities are: a mean of them may be a float64
        least = struct.unpack("f", struct.pack("f", self.threshold))[0]
        fake = self.p_fake(probabilities) >= least
        return fake * likeliest + ~fake * self.real

    def called_real(self, probabilities: Any) -> Any:
        """Whether images are called real: bool (...), of probabilities as of `called`."""
        return self.called(probabilities) == self.real

    def p_fake(self, probabilities: Any) -> Any:
        """p(fake) (...), in the type of the probabilities (..., classes), summed in the order of the classes."""
        return reduce(add, (probabilities[..., index] for index in self.fakes))

    @property
    def head(self) -> dict[str, Any]:
        """What makes the network's outputs these classes, as keys of the configuration; what is at its default isn't
        said, so that the five classes of FF++ are `{"classes": [...]}`."""
        said: dict[str, Any] = {"classes": list(self.names)}
        if self.real_name != REAL:
            said["real"] = self.real_name
        if self.positive is not None:
            said |= {"output": self.output, "positive": self.positive_name}
        return said

    @property
    def said(self) -> dict[str, Any]:
        """All of it as keys of the configuration, for a file of weights."""
        return self.head | ({} if self.threshold is None else {"threshold": self.threshold})

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> "Classes":
        """From what `said` gave; keys that are missing, as in files older than they, are at their defaults.

        Raises:
            InputError: as of `named`.
        """
        found = checked(said, "the classes")
        return cls.named(found.pop("classes", cls.names), **found)


def _usable(name: str) -> bool:
    return bool(name) and name == name.strip() and name.isprintable() and "$" not in name and name not in RESERVED


def checked(said: Mapping[str, Any], named: str) -> dict[str, Any]:
    """The keys of `KEYS` that are said, each seen to be of its type.

    Args:
        said: for example the metadata of a file, which anybody may have written; further keys are left out.
        named: whose they are, for the message.

    Raises:
        InputError: one is of another type, or out of range.
    """
    found = {name: said[name] for name in KEYS if said.get(name) is not None}
    for name, value in found.items():
        if name == "classes":
            right = isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
        elif name == "output":
            right = value in get_args(Output)
        elif name == "threshold":
            right = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1
        else:
            right = isinstance(value, str)
        if not right:
            raise InputError(f"{named}: {name} can't be {ascii(value)[:80]}; save the checkpoint anew")
    return found


FIVE = Classes()  # FF++'s, in the order of the paper's head
