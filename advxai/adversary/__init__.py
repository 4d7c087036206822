"""Adversarial copies of images by Natural Evolution Strategies.

Names are looked up when they are asked for, so that what needs no torch, such as the figures, can use this package's
other modules without importing it.
"""

from typing import TYPE_CHECKING, Any

from advxai.common.lazily import lookup

if TYPE_CHECKING:
    from advxai.adversary.nes import Attack, attack, gaussian_noise, reconstruct
    from advxai.adversary.stage import adversarial_images, run

__all__ = ["Attack", "adversarial_images", "attack", "gaussian_noise", "reconstruct", "run"]

_WHERE = dict.fromkeys(("Attack", "attack", "gaussian_noise", "reconstruct"), "nes") | dict.fromkeys(
    ("adversarial_images", "run"), "stage"
)


def __getattr__(name: str) -> Any:
    return lookup(__name__, _WHERE, name)
