"""A detector of somebody's own that prints, also what looks like something else."""

import os

from torch import Tensor, nn

from tests.custom import tiny_detector


class Printing(nn.Module):
    """Prints in each forward, by Python and past it, the latter without an end of the line."""

    def forward(self, x: Tensor) -> Tensor:
        print('{"refused": "by nobody"}', flush=True)
        os.write(1, b"images: ")
        return x


def detector(num_classes: int) -> nn.Module:
    return nn.Sequential(Printing(), tiny_detector(num_classes))
