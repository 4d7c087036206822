"""What determines the numbers of each stage, and the digest of it that its paths carry.

A stage's parameters are the settings it depends on, its algorithm version, the device and the forward batch, the code
of the user's own that it runs, and the digests of the stages it reads; never the list of images. What changes no number
isn't among them. Nor are a trained detector's weights, which aren't known before: each record says which made it. Each
class builds on the one before it, in the order in which data flows: base, images, detector, stages, video.
"""

from advxai.run.digests.base import LATER, VERSIONS, digest
from advxai.run.digests.video import Digests

__all__ = ["LATER", "VERSIONS", "Digests", "digest"]
