"""Names of the forms in which people have detectors' files; what each is read as, `advxai.dialects` knows."""

from typing import Literal, get_args

Dialect = Literal[
    "DeepfakeBench xception",
    "DeepfakeBench effnb4",
    "DeepfakeBench meso4",
    "DeepfakeBench meso4Incep",
    "DeepfakeBench cnnaug",
    "SelfBlendedImages",
    "ICPR2020 EfficientNetB4",
    "ICPR2020 EfficientNetB4ST",
    "ICPR2020 EfficientNetAutoAttB4",
    "ICPR2020 EfficientNetAutoAttB4ST",
    "ICPR2020 Xception",
    "selimsef DFDC",
    "FaceForensics++ Xception",
    "HongguLiu Xception",
    "MesoNet-Pytorch",
    "noame12 EfficientNet-ViT",
    "Coccomini Efficient ViT",
    "Coccomini Cross Efficient ViT",
    "efficientnet_pytorch",
    "Cadene Xception",
    "plain",
]
DIALECTS: tuple[str, ...] = get_args(Dialect)
PLAIN = "plain"  # nothing is told by the names: the configuration says all
