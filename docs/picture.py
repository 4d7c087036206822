"""Draw docs/demo.png from a finished demo: `python docs/picture.py`. No face is shown: the maps alone, over grey."""

import sys
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))
from advxai.config import load
from advxai.faces.mask import mask_crop
from advxai.report.style import HEAT_COLOURS, MASK_COLOUR
from advxai.run.paths import Paths
from advxai.run.store import read_shard

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import yaml

config = load(yaml.safe_load(Path("config.yaml").read_text()))
paths = Paths(config)
accuracy = pd.read_csv(paths.run / "tables/accuracy.csv").set_index("explainer")
manifest = pd.read_parquet(paths.run / "frames/manifest.parquet").set_index("key")
explainers = config.of_kind("explainer")
methods = [name for name in explainers if not name.endswith("_adv")]

figure = plt.figure(figsize=(10, 4.3), layout="constrained")
curves, maps = figure.subfigures(2, 1, height_ratios=[1.5, 1])
for axes, method in zip(curves.subplots(1, 4, sharey=True), methods, strict=True):
    for name, colour, style in ((method, "#444444", "o--"), (f"{method}_adv", "#0072B2", "s-")):
        values = [accuracy.loc["Original", "all top-1"], *(accuracy.loc[name, f"all top-{k}"] for k in (1, 2, 3))]
        axes.plot(range(4), values, style, color=colour, label=name)
    axes.set(title=method, xlabel="segments attacked", xticks=range(4), ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="lower left")
curves.axes[0].set_ylabel("accuracy")
grid = maps.subplots(1, 8)
for axes, name in zip(grid, explainers, strict=True):
    records = [record for path in paths.maps_of(name) for record in read_shard(path)]
    record = next(record for record in records if "/NeuralTextures/" in record["key"])
    face = manifest.loc[record["key"]]
    box = tuple(int(face[side]) for side in ("x1", "y1", "x2", "y2"))
    mask = mask_crop(Path(face["mask"]), int(face["frame"]), box) > 0
    side = record["map"].shape[0]
    axes.imshow(record["map"], cmap=HEAT_COLOURS)
    at = (np.arange(mask.shape[0]) + 0.5) * side / mask.shape[0] - 0.5
    axes.contour(at, at, mask, [0.5], colors=MASK_COLOUR, linestyles="dashed")
    axes.set(title=name, xticks=[], yticks=[])
maps.suptitle("maps of one NeuralTextures image (dashed: the region that was truly manipulated)", fontsize=10)
figure.savefig("docs/demo.png", dpi=110, metadata={"Software": None})
