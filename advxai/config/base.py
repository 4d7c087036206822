"""What every part of the configuration shares."""

import json
import math
import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from advxai.common.usercode import find

LARGEST = 2**63  # whole numbers below it fit into numpy's
# A name is part of file names, on any disk: a shared one may know nothing but ASCII.
NAME = r"[A-Za-z][A-Za-z0-9_]*"
ROW = r"[A-Za-z][A-Za-z0-9_+]*"  # of a row, as GradCAM++
LONGEST = 100


class Model(BaseModel):
    """Base of every configuration model: unknown keys and numbers that aren't finite are refused, values can't change
    after validation."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _null(cls, value: Any) -> Any:
        """Snakemake reads `--config` without YAML's types, so that null is a word there."""
        if not isinstance(value, dict) or "null" not in [part for part in value.values() if isinstance(part, str)]:
            return value
        fields = cls.model_fields
        optional = {name for name in value if name in fields and type(None) in get_args(fields[name].annotation)}
        return {name: None if name in optional and part == "null" else part for name, part in value.items()}

    @model_validator(mode="before")
    @classmethod
    def _no_booleans(cls, value: Any) -> Any:
        """Refuse true and false where numbers are asked for: Python takes them for 1 and 0."""
        for name, part in value.items() if isinstance(value, dict) else ():
            place = next(_booleans(part), None)
            if place is None or name not in cls.model_fields:
                continue
            asked = set(_parts_of(cls.model_fields[name].annotation))
            words = any(
                isinstance(one, str) for one in asked
            )  # where one may stand instead, the key's own check says so
            if asked & {int, float} and not (asked & {bool, Any} or words):
                said = "Input should be a number, not true or false"
                raise PydanticCustomError("not_number", said, {"within": (name, *place)})
        return value

    @field_validator("*", mode="after")
    @classmethod
    def _holds_numbers(cls, value: Any) -> Any:
        """Whole numbers that no array holds, and whatever an untyped mapping has in it."""
        if isinstance(value, int) and abs(value) >= LARGEST:
            raise PydanticCustomError("too_large", "Input should be less than 2^63")
        for place in _not_finite(value):
            raise PydanticCustomError("finite_number", "Input should be a finite number", {"within": place})
        return value

    @field_validator("*", mode="after")
    @classmethod
    def _names_once(cls, value: Any) -> Any:
        """Lists of names, of which whatever has two would be made, counted or shown twice."""
        if isinstance(value, list) and all(isinstance(part, str) for part in value):
            for part in value:
                if value.count(part) > 1:
                    raise ValueError(f"names {part} twice; take one out")
        return value


def _booleans(value: object) -> Iterator[tuple[int, ...]]:
    """Where a value is true or false: itself, or items of a list; models look at their own."""
    if isinstance(value, bool):
        yield ()
    elif isinstance(value, list | tuple):
        yield from ((number,) for number, one in enumerate(value) if isinstance(one, bool))


def _parts_of(annotation: Any) -> Iterator[Any]:
    """The types that an annotation is put together from; models count as one."""
    parts = get_args(annotation)
    if not parts:
        yield annotation
    for part in parts:
        yield from _parts_of(part)


def _not_finite(value: object) -> Iterator[tuple[Any, ...]]:
    """Keys that lead to each NaN or infinity in nested mappings and lists; models have looked at theirs."""
    if isinstance(value, float) and not math.isfinite(value):
        yield ()
    elif isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from ((key, *place) for place in _not_finite(part))


def fraction(value: object) -> object:
    """Accept '1/255' where a number is asked for, and '1e-3', which YAML 1.1 takes for text."""
    if isinstance(value, str):
        text = value.replace(" ", "")
        try:
            # a Fraction of 1e999999999 would be computed
            number = float(Fraction(text) if "/" in text else text)
        except (ValueError, ZeroDivisionError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            raise ValueError("is neither a finite number nor a fraction such as 1/255")
        return number
    return value


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    try:
        json.dumps(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"holds what isn't plain text, number, list or mapping ({error}); put it in quotes") from error
    return value


def is_import_path(value: str) -> bool:
    """Whether a text is `module:name`.

    Raises:
        ValueError: it is, of a module that can't be found.
    """
    module, colon, attribute = value.partition(":")
    if not colon or not attribute.isidentifier():
        return False
    if find(module) is None:
        raise ValueError(f"the module {module!r} can't be found: put its folder on PYTHONPATH or install it")
    return True


def named(value: str) -> str:
    """A name of the user's that is part of file names.

    Raises:
        ValueError: it can't be one.
    """
    return _named(value, NAME, "digits and _")


def _named(value: str, pattern: str, besides: str) -> str:
    if not re.fullmatch(pattern, value):
        raise ValueError(f"may hold the letters A to Z, {besides} only, a letter first")
    if len(value) > LONGEST:
        raise ValueError(f"may have {LONGEST} characters at most, for it is part of file names")
    return value


def row_named(value: str) -> str:
    """The name of a row of `explainers:`, part of file names too.

    Raises:
        ValueError: it can't be one.
    """
    return _named(value, ROW, "digits, _ and +")


def one_of(names: Iterable[str]) -> str:
    """The regular expression of these names and no others, for Snakemake's wildcards; without names one of none."""
    return "|".join(map(re.escape, names)) or r"(?!)"


def alike(names: Iterable[str]) -> tuple[str, str] | None:
    """The first two names that differ in case alone or not at all: on some disks they would share files."""
    seen: dict[str, str] = {}
    for name in names:
        if name.lower() in seen:
            return seen[name.lower()], name
        seen[name.lower()] = name
    return None


Number = Annotated[float, BeforeValidator(fraction)]
Plain = Annotated[dict[str, Any], AfterValidator(_plain)]  # keyword arguments of a user's class
Name = Annotated[str, AfterValidator(named), Field(json_schema_extra={"pattern": f"^{NAME}$"})]


def _inside(file: str) -> bool:
    path = PurePosixPath(file)
    return bool(path.name) and not path.is_absolute() and ".." not in path.parts


class Medium(Model):
    """A file: either inside a pinned package of the Python package index, or of the user's own."""

    package: str | None = Field(None, description="Package on the Python package index that holds the file.")
    version: str | None = Field(None, description="Exact version of the package.")
    file: str | None = Field(None, description="Path of the file inside the package's archive.")
    sha256: str | None = Field(
        None, pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the file; required for a packaged one."
    )
    path: str | None = Field(None, description="Path of a file of your own, instead of the four keys above.")

    def model_post_init(self, _: object) -> None:
        packaged = (self.package, self.version, self.file, self.sha256)
        if self.path is None and None in packaged:
            raise ValueError("give either `path`, or all of `package`, `version`, `file` and `sha256`")
        if self.path is not None and any((self.package, self.version, self.file)):
            raise ValueError("give either `path`, or `package`, `version` and `file`, not both")
        if self.file is not None and not _inside(self.file):
            raise ValueError(f"file: {self.file!r} isn't a path inside an archive: no leading / and no .. may be in it")
        if "/" in f"{self.package}{self.version}":
            raise ValueError("package and version are a package's name and version, without /")
