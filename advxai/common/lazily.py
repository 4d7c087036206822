"""Names of a package that are imported when they are first asked for (PEP 562)."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any


def lookup(package: str, where: Mapping[str, str], name: str) -> Any:
    """A name of a package's module.

    Args:
        package: its dotted name.
        where: name -> the module of the package that has it.
        name: what is asked for.

    Raises:
        AttributeError: the package has no such name.
    """
    if name not in where:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    return getattr(import_module(f"{package}.{where[name]}"), name)
