"""Configurations of both protocols."""

from advxai.config import Config, load

PROTOCOLS = ("paper", "corrected")


def config(protocol: str = "paper", **changes) -> Config:
    return load({"run": "t", "protocol": protocol, "corpus": {"kind": "ffpp", "root": "r", "splits": "s"}} | changes)
