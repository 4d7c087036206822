"""Pickles of torch, read without running anything of anybody's: a machine of our own for pickle's operations.

Python's unpickler calls what a pickle names, and lets it set attributes of whatever lies on the stack. This one knows
plain Python and marks alone: a tensor is where it lies (`Placed`), any class or function is its name (`Named`), and
what would have been made by one is an `Inert` that keeps its state. Nothing is imported or called, no key is hashed but
plain ones, and what a pickle may take is bounded (`LARGEST`, `MOST`).
"""

import struct
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple

from advxai.dialects.marks import LARGEST, MOST, PLAIN, SOMETHING, Inert, Named, Placed, Storage

LONGEST_LINE = 10_000
_LARGEST_MEMO = 1 << 32
_LARGEST_EXPANDED = 1 << 26  # elements
_MOST_ODD = 1000
_LARGEST_KEY = 1 << 31  # of whole numbers as keys; Python's hash of larger ones is easily that of another

KINDS = {  # torch's storages -> numpy's name of their numbers
    "DoubleStorage": "f8", "FloatStorage": "f4", "HalfStorage": "f2", "BFloat16Storage": "b2", "LongStorage": "i8",
    "IntStorage": "i4", "ShortStorage": "i2", "CharStorage": "i1", "ByteStorage": "u1", "BoolStorage": "?1",
    "ComplexFloatStorage": "c8", "ComplexDoubleStorage": "c16",
}  # fmt: skip
_DICTS = {("collections", "OrderedDict"), ("builtins", "dict"), ("__builtin__", "dict")}
_REBUILT = {"_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_parameter", "_rebuild_parameter_with_state"}
_SETS = {("builtins", "set"), ("__builtin__", "set"), ("builtins", "frozenset"), ("__builtin__", "frozenset")}


class Claim(NamedTuple):
    """What a pickle says of a storage: the kind of its numbers (`KINDS`, or the name of another), how many they are."""

    kind: str
    length: int


def unpickled(file: BinaryIO, claims: dict[str, Claim] | None = None) -> Any:
    """The next pickle of a file, as plain Python and marks; the file is then behind it.

    Args:
        file: where it begins.
        claims: gets what is said of each storage that is mentioned, by its key.

    Raises:
        ValueError: it is damaged, too large, or holds what no checkpoint does.
    """
    machine = _Machine(file, {} if claims is None else claims)
    try:
        return machine.run()
    except (IndexError, KeyError, TypeError, AttributeError, OverflowError, struct.error) as error:
        raise ValueError("its pickle is damaged") from error


class _Machine:
    """One pickle's stack and memo."""

    def __init__(self, file: BinaryIO, claims: dict[str, Claim]) -> None:
        self.file, self.left, self.claims = file, LARGEST, claims
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.names: dict[tuple[str, str], Named] = {}
        self.odd = 0  # keys
        self.copied = 0  # pairs, which a short pickle can have copied many times

    def run(self) -> Any:
        for _ in range(MOST):
            code = self.read(1)
            if code == b".":
                return self.stack.pop()
            do = _OPERATIONS.get(code)
            if do is None:
                raise ValueError(f"its pickle has the operation {code.hex()}, which no checkpoint needs")
            do(self)
        raise ValueError(f"its pickle has more than {MOST:,} operations: save the model's state_dict alone")

    def read(self, count: int) -> bytes:
        self.left -= count
        if self.left < 0:
            raise ValueError(f"its pickle is larger than {LARGEST >> 20} MiB: save the model's state_dict alone")
        found = self.file.read(count)
        if len(found) < count:
            raise ValueError("its pickle is cut off")
        return found

    def line(self) -> str:
        found = self.file.readline(LONGEST_LINE)
        self.left -= len(found)
        if not found.endswith(b"\n") or self.left < 0:
            raise ValueError("its pickle is cut off")
        return found[:-1].decode(errors="replace")

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.read(struct.calcsize(form)))[0]

    def sized(self, form: str) -> bytes:
        return self.read(self.number(form))

    # -- plain values
    def proto(self) -> None:
        if self.read(1)[0] > 5:
            raise ValueError("its pickle is of a later form than 5")

    def frame(self) -> None:
        self.read(8)

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def text(self, found: bytes) -> None:
        self.stack.append(found.decode("utf-8", "replace"))

    def integer(self) -> None:
        word = self.line()
        self.push(word == "01" if word in ("00", "01") else int(word))

    def quoted(self) -> None:
        self.push(self.line()[1:-1])

    # -- containers
    def drop(self) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self.since()

    def drop_since(self) -> None:
        self.since()

    def mark(self) -> None:
        self.marks.append(self.stack)
        self.stack = []

    def since(self) -> list[Any]:
        items, self.stack = self.stack, self.marks.pop()
        return items

    def tuple_of(self, count: int) -> None:
        items = tuple(self.stack[-count:])
        if len(items) < count:
            raise IndexError
        self.stack[-count:] = [items]

    def dict_since(self) -> None:
        made: dict[Any, Any] = {}
        self.set_pairs(made, self.since())
        self.push(made)

    def set_pairs(self, target: Any, items: list[Any]) -> None:
        if isinstance(target, Inert):
            target.items = target.items or {}
            target = target.items
        if not isinstance(target, dict) or len(items) % 2:
            raise TypeError
        # a tuple's hash, for example, is that of all in it, which may be without end
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[self.key(key)] = value

    def key(self, key: Any) -> Any:
        """A dictionary's key, or one of its own for what isn't plain or may have been chosen for its hash."""
        plain = isinstance(key, PLAIN) and not isinstance(key, float)
        if plain and not (isinstance(key, int) and abs(key) >= _LARGEST_KEY):
            return key
        self.odd += 1  # torch's own reader, which may come next, takes them as they are
        if self.odd > _MOST_ODD:
            raise ValueError(f"its dictionaries have more than {_MOST_ODD:,} keys that are neither names nor counts")
        return Inert(SOMETHING)

    def set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.set_pairs(self.stack[-1], [key, value])

    def set_items(self) -> None:
        items = self.since()
        self.set_pairs(self.stack[-1], items)

    def add(self, items: list[Any]) -> None:
        if isinstance(self.stack[-1], list):  # a set is one as well
            self.stack[-1] += items
        elif not isinstance(self.stack[-1], Inert):
            raise TypeError

    def append(self) -> None:
        value = self.stack.pop()
        self.add([value])

    # -- the memo
    def put(self, index: int) -> None:
        if not 0 <= index < _LARGEST_MEMO:
            raise IndexError
        self.memo[index] = self.stack[-1]

    # -- what would run code
    def named(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise TypeError
        key = module, name
        if key not in self.names:
            self.names[key] = Named(module, name)
        self.push(self.names[key])

    def stack_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.named(module, name)

    def reduce(self) -> None:
        arguments, what = self.stack.pop(), self.stack.pop()
        self.push(self.made(what, arguments))

    def new_with_keywords(self) -> None:
        self.stack.pop()
        self.reduce()

    def instance(self) -> None:
        module, name = self.line(), self.line()
        self.since()
        self.push(self.made(Named(module, name), ()))

    def object(self) -> None:
        what, *arguments = self.since()
        self.push(self.made(what, tuple(arguments)))

    def build(self) -> None:
        state = self.stack.pop()
        if isinstance(self.stack[-1], Inert):  # others, such as a dictionary with attributes, are what they are
            self.stack[-1].state = state

    def persistent(self) -> None:
        found = _stored(self.stack.pop(), self.claims)
        self.push(found)

    def made(self, what: Any, arguments: Any) -> Any:
        """What a call would have given, as far as it is a tensor, a dictionary or a set; else an `Inert`."""
        if not isinstance(what, Named):
            return Inert(SOMETHING)
        if not isinstance(arguments, tuple):
            raise TypeError
        full = (what.module, what.name)
        if full in _DICTS:
            pairs = arguments[0] if arguments and isinstance(arguments[0], list) else []  # as Python 2 has them
            self.copied += len(pairs)
            if self.copied > MOST:
                raise ValueError("its dictionaries are larger than any checkpoint's")
            return {self.key(key): value for key, value in pairs}
        if full in _SETS:
            return arguments[0] if arguments else []
        if full == ("torch._tensor", "_rebuild_from_type_v2"):  # a tensor with attributes: a function, type, arguments
            function, _, given, *_ = arguments
            return _tensor(function.name, given) if _rebuilds(function) else Inert(what)
        if _rebuilds(what):
            return _tensor(what.name, arguments)
        if what.module in ("copyreg", "copy_reg") and arguments and isinstance(arguments[0], Named):
            return Inert(arguments[0])
        return Inert(what)


def _rebuilds(what: Any) -> bool:
    return isinstance(what, Named) and what.module == "torch._utils" and what.name in _REBUILT


def _tensor(name: str, arguments: tuple[Any, ...]) -> Any:
    if name.startswith("_rebuild_parameter"):
        return arguments[0]
    storage, offset, shape, stride, *more = arguments
    metadata = more[2] if len(more) > 2 else None  # after requires_grad and hooks
    if isinstance(storage, Inert):
        return storage
    if not isinstance(storage, Storage) or not 0 <= len(shape) == len(stride) <= 8:
        raise TypeError
    numbers = (offset, *shape, *stride)
    if not all(isinstance(number, int) and 0 <= number < 1 << 62 for number in numbers):
        raise TypeError
    elements, last = 1, offset
    for side, step in zip(shape, stride, strict=True):
        elements *= side
        last += (side - 1) * step
    # an expanded tensor has more elements than its storage, but could be of any size
    if elements and (last >= storage.count or elements > max(storage.count, _LARGEST_EXPANDED)):
        raise ValueError("one of its tensors is larger than its storage")
    negated = False
    if metadata:  # bits that say how the numbers are to be taken
        if not isinstance(metadata, dict) or metadata.keys() - {"neg"}:
            return Inert(SOMETHING)  # conjugated complex numbers, for example
        negated = metadata["neg"] is True
    return Placed(storage, offset, tuple(shape), tuple(stride), negated)


def _stored(identity: Any, claims: dict[str, Claim]) -> Any:
    if not isinstance(identity, tuple) or len(identity) < 2:
        raise TypeError
    if identity[0] == "module":  # the class of a module, and its source text, which stays text
        return identity[1]
    what, kind, key, _, count, *view = identity
    if what != "storage" or not isinstance(kind, Named) or not isinstance(count, int) or not isinstance(key, str | int):
        raise TypeError
    if not 0 <= count < 1 << 62:
        raise TypeError
    claim = Claim(KINDS.get(kind.name, kind.name), count)
    if claims.setdefault(str(key), claim) != claim:
        raise ValueError("one of its storages is of two kinds or sizes at once")
    if kind.name not in KINDS or kind.module.split(".")[0] != "torch":
        return Inert(kind)  # quantised numbers, for example: whoever needs a tensor of them is told that it is none
    start = 0
    if view and view[0] is not None:
        _, start, size = view[0]
        if not (isinstance(start, int) and isinstance(size, int) and 0 <= start <= start + size <= count):
            raise TypeError
        count = size
    return Storage(KINDS[kind.name], str(key), count, start)


# Operations of pickle's forms 0 to 5, but for the extension registry and buffers beside the file.
_OPERATIONS: dict[bytes, Callable[[_Machine], None]] = {
    b"\x80": _Machine.proto, b"\x95": _Machine.frame, b"I": _Machine.integer, b"S": _Machine.quoted,
    b"(": _Machine.mark, b"d": _Machine.dict_since, b"s": _Machine.set_item, b"u": _Machine.set_items,
    b"a": _Machine.append, b"\x93": _Machine.stack_global, b"R": _Machine.reduce, b"\x81": _Machine.reduce,
    b"i": _Machine.instance, b"o": _Machine.object, b"b": _Machine.build, b"Q": _Machine.persistent,
    b"N": lambda m: m.push(None), b"\x88": lambda m: m.push(True), b"\x89": lambda m: m.push(False),
    b"K": lambda m: m.push(m.number("<B")), b"M": lambda m: m.push(m.number("<H")),
    b"J": lambda m: m.push(m.number("<i")), b"G": lambda m: m.push(m.number(">d")),
    b"L": lambda m: m.push(int(m.line().rstrip("L"))), b"F": lambda m: m.push(float(m.line())),
    b"V": lambda m: m.push(m.line()),
    b"\x8a": lambda m: m.push(int.from_bytes(m.sized("<B"), "little", signed=True)),
    b"\x8b": lambda m: m.push(int.from_bytes(m.sized("<I"), "little", signed=True)),
    b"U": lambda m: m.text(m.sized("<B")), b"T": lambda m: m.text(m.sized("<I")),
    b"X": lambda m: m.text(m.sized("<I")), b"\x8c": lambda m: m.text(m.sized("<B")),
    b"\x8d": lambda m: m.text(m.sized("<Q")), b"B": lambda m: m.push(m.sized("<I")),
    b"C": lambda m: m.push(m.sized("<B")), b"\x8e": lambda m: m.push(m.sized("<Q")),
    b"\x96": lambda m: m.push(m.sized("<Q")),
    b")": lambda m: m.push(()), b"]": lambda m: m.push([]), b"}": lambda m: m.push({}),
    b"\x8f": lambda m: m.push([]),
    b"t": lambda m: m.push(tuple(m.since())), b"l": lambda m: m.push(m.since()),
    b"\x91": lambda m: m.push(m.since()),
    b"\x85": lambda m: m.tuple_of(1), b"\x86": lambda m: m.tuple_of(2), b"\x87": lambda m: m.tuple_of(3),
    b"e": lambda m: m.add(m.since()), b"\x90": lambda m: m.add(m.since()),
    b"0": _Machine.drop, b"1": _Machine.drop_since, b"2": lambda m: m.push(m.stack[-1]),
    b"q": lambda m: m.put(m.number("<B")), b"r": lambda m: m.put(m.number("<I")),
    b"p": lambda m: m.put(int(m.line())), b"\x94": lambda m: m.put(len(m.memo)),
    b"h": lambda m: m.push(m.memo[m.number("<B")]), b"j": lambda m: m.push(m.memo[m.number("<I")]),
    b"g": lambda m: m.push(m.memo[int(m.line())]), b"c": lambda m: m.named(m.line(), m.line()),
    b"\x92": _Machine.new_with_keywords,
}  # fmt: skip
