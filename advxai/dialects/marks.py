"""What stands for tensors, classes and their objects in a pickle that is read without running any of it."""

from typing import Any

LARGEST = 1 << 26  # bytes of a pickle, storages apart: that of a large network is some 300 kB
MOST = 2_000_000  # operations, each of which can make an object: some 60,000 are usual
DEEPEST = 100  # modules in one another
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
    """A tensor as it lies in a storage: offset and strides in numbers."""

    __slots__ = ("offset", "shape", "storage", "stride")

    def __init__(self, storage: Storage, offset: int, shape: tuple[int, ...], stride: tuple[int, ...]) -> None:
        self.storage, self.offset, self.shape, self.stride = storage, offset, shape, stride


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
        ValueError: its parts are in one another without end.
    """
    found: dict[str, Any] = {}
    todo: list[tuple[str, Inert, int]] = [("", module, 0)]
    looked = letters = 0
    while todo:
        prefix, one, depth = todo.pop()
        looked += 1
        letters += len(prefix)
        if depth > DEEPEST or looked > MOST // 100 or letters > LARGEST:
            raise ValueError("its modules are in one another without end")
        attributes = one.attributes
        unsaved = attributes.get("_non_persistent_buffers_set") or ()
        for group in ("_parameters", "_buffers"):
            for name, value in _mapping(attributes.get(group)):
                if value is not None and not (group == "_buffers" and isinstance(unsaved, list) and name in unsaved):
                    letters += len(prefix) + len(name)
                    found[f"{prefix}{name}"] = value
        parts = [(name, part) for name, part in _mapping(attributes.get("_modules")) if isinstance(part, Inert)]
        todo += [(f"{prefix}{name}.", part, depth + 1) for name, part in reversed(parts)]
    return found


def _mapping(value: Any) -> list[tuple[str, Any]]:
    value = value.items if isinstance(value, Inert) else value
    return [(name, part) for name, part in value.items() if isinstance(name, str)] if isinstance(value, dict) else []
