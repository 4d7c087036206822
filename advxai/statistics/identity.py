"""Which videos show the same people."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

ACTED = {"DeepFakeDetection", "actors"}  # FF++ folders of Google's actors, who are numbered anew
YOUTUBE = re.compile(r"(\d+)(?:_(\d+))?")  # 033, or target and source as 033_097
ACTOR = re.compile(r"(\d+)(?:_(\d+))?__.+")  # 01__scene, or target and source as 01_02__scene__ID


def identities(video: str) -> tuple[str, ...]:
    """The people of a video, by its name in FF++: of an original one, of a fake target and source; else none.

    Args:
        video: path in FF++'s layout, with extension or without.
    """
    path = PurePosixPath(video)
    kind, pattern = ("actors", ACTOR) if ACTED & set(path.parts) else ("youtube", YOUTUBE)
    match = pattern.fullmatch(path.name.partition(".")[0])
    return tuple(f"{kind} {number}" for number in match.groups() if number) if match else ()


def clusters(videos: Iterable[str]) -> dict[str, str]:
    """Videos that share a person, or are linked by others that do.

    A fake shows its target's face made from its source, so it links the two: a cluster is a connected component of
    identities. It depends on all videos that are given, so give those of the whole run and not of a category. FF++'s
    test split has 70; in DeepFakeDetection every actor is swapped with many others, which makes hardly more than one.

    Args:
        videos: paths in FF++'s layout.

    Returns:
        Video -> name of its cluster: the first of its identities, as "youtube 033"; a video whose name says nothing of
        people is its own.
    """
    shown = {video: identities(video) for video in videos}
    people = sorted({person for those in shown.values() for person in those})
    number = {person: index for index, person in enumerate(people)}
    links = np.array([[number[those[0]], number[those[-1]]] for those in shown.values() if those]).reshape(-1, 2).T
    graph = coo_array((np.ones(links.shape[1]), links), shape=(len(people), len(people)))
    labels = connected_components(graph, directed=False)[1] if people else ()
    first: dict[int, str] = {}
    for person, label in zip(people, labels, strict=True):
        first.setdefault(label, person)
    return {video: first[labels[number[those[0]]]] if those else video for video, those in shown.items()}
