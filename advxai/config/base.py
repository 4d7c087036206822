"""What every part of the configuration shares."""

from fractions import Fraction
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class Model(BaseModel):
    """Base of every configuration model: unknown keys are refused, values can't change after validation."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


def _fraction(value: object) -> object:
    """Accept '1/255' where a number is asked for."""
    if isinstance(value, str):
        try:
            return float(Fraction(value.replace(" ", "")))
        except (ValueError, ZeroDivisionError) as error:
            raise ValueError(f"{value!r} is neither a number nor a fraction such as 1/255") from error
    return value


Number = Annotated[float, BeforeValidator(_fraction)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]


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
