"""Which of a hub model's labels means a genuine image and which a fake one: by words, never by their order."""

import re
from collections.abc import Sequence

REAL = frozenset(
    "real realism realistic human genuine pristine authentic original natural bonafide camera photo photograph".split()
)
FAKE = frozenset(
    "fake deepfake artificial ai aigc synthetic synthesized synthesised generated gan diffusion manipulated tampered "
    "forged forgery altered edited doctored spoof spoofed swapped faceswap".split()
)
# A label with one of these may mean the opposite of its other words.
UNSURE = frozenset(
    "not no non un vs versus or unknown other isn isnt aren arent wasn don dont doesn doesnt cannot never hardly "
    "without false true wrong".split()
)
# bona fide and deep fake are often two words
JOINED = (("bona", "fide"), ("deep", "fake"), ("face", "swap"))


def words(label: str) -> list[str]:
    """The words of a label in small letters, without plural: "AI-Generated_Faces" -> ai, generated, face."""
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", label)
    found = [word.lower() for word in re.findall(r"[^\W\d_]+", split)]
    found = [word if word in REAL | FAKE else word.removesuffix("s") for word in found]
    text = f" {' '.join(found)} "
    for first, second in JOINED:
        text = text.replace(f" {first} {second} ", f" {first}{second} ")
    return text.split()


def meaning(label: str) -> bool | None:
    """True: the label is of genuine images; False: of fake ones; None: its words don't say."""
    found = set(words(label))
    if found & UNSURE or bool(found & REAL) == bool(found & FAKE):
        return None
    return bool(found & REAL)


def real_of(labels: Sequence[str]) -> str | None:
    """The label of genuine images, of two of which the other one is of fakes; None: that can't be told."""
    meant = [meaning(label) for label in labels]
    return labels[meant.index(True)] if sorted(map(str, meant)) == ["False", "True"] else None
