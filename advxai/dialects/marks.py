"""What stands for tensors, classes and their objects in a pickle that is read without running any of it."""

from collections.abc import Iterable
from typing import Any

LARGEST = 1 << 26  # bytes of a pickle, storages apart: that of a large network is some 300 kB
MOST = 2_000_000  # operations, each of which can make an object: some 60,000 are usual
DEEPEST = 100  # modules in one another
LONGEST_NAME = 1000  # letters of a tensor's whole name: some 80 are usual
PLAIN = (str, bytes, int, float, bool, type(None))  # keys whose hash is their own


class Named:
    """A class or function that a pickle names; it isn't looked for."""

    __slots__ = ("module", "name")

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


SOMETHING = Named("an unnamed", "object")


class Inert:
    """What a class or function would have made: by whom, the state that it was to get, and its items as a mapping."""

    __slots__ = ("items", "named", "state")

    def __init__(self, named: Named) -> None:
        self.named = named
        self.state: Any = None
        self.items: dict[Any, Any] | None = None

    @property
    def attributes(self) -> dict[Any, Any]:
        """Its attributes by name, as far as they are plain to see."""
        state = self.state[0] if isinstance(self.state, tuple) and self.state else self.state
        return state if isinstance(state, dict) else {}

    @property
    def is_module(self) -> bool:
        """It was one of torch's modules."""
        return {"_parameters", "_buffers", "_modules"} <= self.attributes.keys()


class Storage:
    """Numbers in the file: of which kind (`KINDS`), under which key, how many, and from which one on they are taken."""

    __slots__ = ("count", "key", "kind", "start")

    def __init__(self, kind: str, key: str, count: int, start: int) -> None:
        self.kind, self.key, self.count, self.start = kind, key, count, start


class Placed:
    """A tensor as it lies in a storage: offset and strides in numbers, and whether its numbers are those negated."""

    __slots__ = ("negated", "offset", "shape", "storage", "stride")

    def __init__(
        self, storage: Storage, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], negated: bool = False
    ) -> None:
        self.storage, self.offset, self.shape, self.stride, self.negated = storage, offset, shape, stride, negated


def named_in(content: Any) -> list[str]:
    """Names of the classes and functions whose doing was left alone, each once, sorted."""
    found, seen, todo = set(), set(), [content]
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, PLAIN):
            continue
        seen.add(id(one))
        if isinstance(one, Named):
            found.add(str(one))
        elif isinstance(one, Inert):
            found.add(str(one.named))
            todo += [one.state, one.items]
        elif isinstance(one, dict):
            todo += one.values()
        elif isinstance(one, list | tuple):
            todo += one
    return sorted(found)


def state_of(module: Inert) -> dict[str, Any]:
    """The state dict of a pickled module, in torch's order: its own tensors, then those of each part.

    Returns:
        Name -> `Placed`; what isn't one is given as it is.

    Raises:
        ValueError: its parts are in one another without end, or a name is too long.
    """
    found: dict[str, Any] = {}
    todo: list[tuple[str, Inert, int]] = [("", module, 0)]
    unsaved_of: dict[int, set[str]] = {}
    looked = letters = 0

    def whole(prefix: str, name: object) -> str | None:
        """A name in the state dict, made once it is known to be none too many; None: it is no name."""
        nonlocal looked, letters
        looked += 1
        length = len(prefix) + len(name) + 1 if isinstance(name, str) else 0
        letters += length
        if looked > MOST // 10 or letters > LARGEST:
            raise ValueError("its modules are in one another without end")
        if length > LONGEST_NAME:
            raise ValueError(f"one of its modules' names is longer than {LONGEST_NAME:,} letters")
        return f"{prefix}{name}" if isinstance(name, str) else None

    while todo:
        prefix, one, depth = todo.pop()
        if depth > DEEPEST:
            raise ValueError("its modules are in one another without end")
        attributes = one.attributes
        listed = attributes.get("_non_persistent_buffers_set")
        if id(listed) not in unsaved_of:  # a list that many modules share is gone through once
            unsaved_of[id(listed)] = _texts(listed)
        unsaved = unsaved_of[id(listed)]
        for group in ("_parameters", "_buffers"):
            for name, value in _mapping(attributes.get(group)):
                full = whole(prefix, name)
                if full is not None and value is not None and not (group == "_buffers" and name in unsaved):
                    found[full] = value
        parts: list[tuple[str, Inert, int]] = []
        for name, part in _mapping(attributes.get("_modules")):
            full = whole(prefix, name)
            if full is not None and isinstance(part, Inert):
                parts.append((f"{full}.", part, depth + 1))
        todo += reversed(parts)
    return found


def _mapping(value: Any) -> Iterable[tuple[Any, Any]]:
    value = value.items if isinstance(value, Inert) else value
    return value.items() if isinstance(value, dict) else ()


def _texts(value: Any) -> set[str]:
    return {name for name in value if isinstance(name, str)} if isinstance(value, list) else set()
