"""Which job the tests of kills may end: one that has finished something and has something to do."""

from pathlib import Path

import pytest

from tests.workflow.kills import half_done, shard_of_journal


@pytest.mark.parametrize(
    ("own", "others", "wanted", "half"),
    [
        ("", "", "abc", False),  # has journalled nothing yet
        ("", "xy", "abc", False),  # only another shard's job has
        ("a", "", "abc", True),
        ("a", "bx", "abc", True),
        ("ab", "c", "abc", False),  # others have made the rest: nothing is left to do
        ("abc", "", "abc", False),  # has journalled everything, and is about to publish
    ],
)
def test_half_done(own, others, wanted, half):
    own, others, wanted = ([(letter, "hash") for letter in letters] for letters in (own, others, wanted))
    assert half_done(own, own + others, wanted) == half


def test_the_shard_of_a_journal():
    folder = Path("results/store/attacks/nes-0123456789ab")
    for shard in ("0-of-2", "LIME_adv-ba9876543210-1-of-12"):
        journal = folder / "journals" / f"tiny-{shard}-{'0' * 32}.journal"
        assert shard_of_journal(journal) == folder / "tiny" / f"{shard}.h5"
