"""What a file of lengths of attacks may say (`advxai.plan.lengths`): it may have been written, or edited, by hand."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from advxai.common.errors import in_line
from advxai.config.base import Model
from advxai.config.science import Nes

M = TypeVar("M", bound=Model)


class Settings(Nes):
    """NES's, all of them, each of its own type."""

    model_config = ConfigDict(strict=True)

    @model_validator(mode="after")
    def _all(self) -> "Settings":
        for name in type(self).model_fields:
            if name not in self.model_fields_set:
                raise ValueError(f"{name} is missing")
        return self


def _whole(value: object) -> object:
    """JSON has names where numbers of iterations are meant."""
    if not isinstance(value, dict):
        return value
    for name in value:
        if not (str(name).isascii() and str(name).isdigit() and len(str(name)) <= 5 and str(int(name)) == str(name)):
            raise ValueError(f"{in_line(str(name)[:20])} is no number of iterations")
    return {int(name): number for name, number in value.items()}


Count = Annotated[int, Field(ge=0)]


class Told(Model):
    """As `advxai.plan.lengths.Attacks`."""

    model_config = ConfigDict(strict=True)

    settings: Settings
    ended: Annotated[dict[int, Count], BeforeValidator(_whole)]
    cut_off: Count

    @model_validator(mode="after")
    def _possible(self) -> "Told":
        if not self.cut_off + sum(self.ended.values()):
            raise ValueError("no attacks")
        longest, allowed = max(self.ended, default=0), self.settings.iterations
        if longest > allowed:
            raise ValueError(f"ended after {longest} iterations, of which settings allow {allowed}")
        return self


class File(Model):
    """As `advxai.plan.lengths.Lengths`."""

    model_config = ConfigDict(strict=True)

    measured: str = Field(min_length=1)
    adversary: Told | None
    attacks: list[Told] = Field(min_length=1)
    wanted: int = Field(ge=1)
    made: int = Field(ge=1)

    @model_validator(mode="after")
    def _possible(self) -> "File":
        if self.made > self.wanted:
            raise ValueError(f"made {self.made} of {self.wanted} that were wanted")
        return self


def told(content: Mapping[str, Any]) -> File:
    """What a file says.

    Args:
        content: its JSON.

    Raises:
        ValueError: it isn't that; says where, and why.
    """
    return _checked(File, content)


def settings_of(params: Mapping[str, Any]) -> dict[str, Any]:
    """NES's settings among a digest's parameters; errors as of `told`."""
    return _checked(Settings, {name: params[name] for name in Nes.model_fields if name in params}).model_dump()


def _checked(model: type[M], content: object) -> M:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = in_line(".".join(map(str, (*first["loc"], *first.get("ctx", {}).get("within", ())))))
        said = in_line(first["msg"].removeprefix("Value error, "))
        raise ValueError(f"{place}: {said}" if place else said) from error
