"""Adversarial copies of images by Natural Evolution Strategies."""

from advxai.adversary.nes import Attack, attack, gaussian_noise, reconstruct
from advxai.adversary.stage import adversarial_images, run

__all__ = ["Attack", "adversarial_images", "attack", "gaussian_noise", "reconstruct", "run"]
