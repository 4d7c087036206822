"""Detectors whose weights others have published: what is documented of them, and under which name they go here.

Facts alone, from their repositories' own pages; what isn't documented is left empty. `advxai.media.known` fetches them.
"""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from advxai.common.errors import InputError, in_line
from advxai.dialects import hybrids

PREFIX = "known:"  # of `detector.checkpoint` and --detector
FOLDER = ("store", "media", "known")  # in the folder of results
HUB = "https://huggingface.co"
DEEPFAKEBENCH = "https://github.com/SCLBD/DeepfakeBench/releases/download/v1.0.1"
HUB_FILES = ("config.json", "preprocessor_config.json", "model.safetensors")


@dataclass(frozen=True)
class File:
    """A file of a detector.

    Attributes:
        name: under which it lies here.
        url: where it can be fetched from; "": no direct address is documented.
        sha256: that it must have; "": none is documented.
        size: in bytes; None: not documented.
    """

    name: str
    url: str = ""
    sha256: str = ""
    size: int | None = None


@dataclass(frozen=True)
class Known:
    """A published detector.

    Attributes:
        name: here, after `known:`.
        network: its architecture.
        data: what it was trained on; "": not documented.
        terms: under which it is given out; "": not documented.
        reported: figures that are reported of it, each with its set.
        where: its documented address, in words.
        files: that it is read from; of several, their folder is what is read.
        dialect: the form that its file is read as; "" where it isn't read.
        size: side of its input in pixels; None: not documented, or another one a file.
        notes: what to know before it is used, each a sentence.
        refused: why it can't be run here; "": it can.
    """

    name: str
    network: str
    where: str
    files: tuple[File, ...]
    data: str = ""
    terms: str = ""
    reported: str = ""
    dialect: str = ""
    size: int | None = None
    notes: tuple[str, ...] = field(default=())
    refused: str = ""

    @property
    def fetchable(self) -> bool:
        """All of its files have a direct address."""
        return all(file.url for file in self.files)

    @property
    def folder(self) -> bool:
        """What is read is a folder of several files."""
        return len(self.files) > 1

    def folder_in(self, results: str | Path) -> Path:
        """Where its files lie, or are to be put."""
        return Path(results, *FOLDER, self.name)

    def path(self, results: str | Path) -> Path:
        """What is read: its file, or the folder of its files."""
        folder = self.folder_in(results)
        return folder if self.folder else folder / self.files[0].name

    def how_to_get(self, results: str | Path) -> str:
        """What to do for its files to be there, as the end of a sentence."""
        by_hand = f"put {self._files(results)} (from {self.where})"
        if not self.fetchable:
            return by_hand
        elsewhere = "" if str(results) == "results" else f" --results {results}"
        return f"run `python -m advxai detectors {self.name} --fetch{elsewhere}`, or {by_hand}"

    def _files(self, results: str | Path) -> str:
        if self.folder:
            return f"{', '.join(file.name for file in self.files)} into {self.folder_in(results)} by hand"
        return f"it there by hand as {self.path(results)}"


def _deepfakebench() -> Iterator[Known]:
    figures = "FF++c23 FF++c40 CDFv1 CDFv2 DFD DFDC DFDCP FSh UADFV".split()
    auc = {
        "meso4": ".6077 .5920 .7358 .6091 .5481 .5560 .5994 .5660 .7150",
        "xception": ".9637 .8261 .7794 .7365 .8163 .7077 .7374 .6249 .9379",
        "effnb4": ".9567 .8150 .7909 .7487 .8148 .6955 .7283 .6162 .9472",
        "ucf": ".9705 .8399 .7793 .7527 .8074 .7191 .7594 .6462 .9528",
    }
    networks = {
        "xception": "Xception (Cadene's)", "effnb4": "EfficientNet-B4 with an unpadded stem", "meso4": "Meso4",
        "meso4Incep": "MesoInception4", "cnnaug": "ResNet-34", "core": "Xception (Cadene's)", "capsule": "Capsule",
        "f3net": "F3Net", "ffd": "FFD", "recce": "RECCE", "spsl": "SPSL", "srm": "SRM", "ucf": "UCF",
    }  # fmt: skip
    plain = ("xception", "effnb4", "meso4", "meso4Incep", "cnnaug", "core")
    for short, network in networks.items():
        numbers = zip(figures, auc[short].split(), strict=True) if short in auc else ()
        reported = ", ".join(f"{name} {value}" for name, value in numbers)
        yield Known(
            f"deepfakebench_{short.lower()}",
            network,
            f"the GitHub releases of SCLBD/DeepfakeBench, tag v1.0.1, {short}_best.pth",
            (File(f"{short}_best.pth", f"{DEEPFAKEBENCH}/{short}_best.pth"),),
            data="FF++ c23" if reported else "",
            terms="CC-BY-NC-4.0",
            reported=f"frame AUC: {reported}" if reported else "",
            dialect=f"DeepfakeBench {short.replace('core', 'xception')}" if short in plain else "",
            size=256,
            refused="" if short in plain else f"{network} has modules of its own, which aren't built here",
        )


def _icpr() -> Iterator[Known]:
    golden = "a real sample .0079, a fake one .9941; their videos .0037, .9999"
    sets = {"DFDC": "DFDC", "FFPP": "FF++"}
    names = {
        "EfficientNetB4": "EfficientNet-B4", "EfficientNetB4ST": "EfficientNet-B4, siamese training",
        "EfficientNetAutoAttB4": "EfficientNet-B4 with attention",
        "EfficientNetAutoAttB4ST": "EfficientNet-B4 with attention, siamese training",
        "Xception": "Xception (Cadene's)",
    }  # fmt: skip
    for name, network in names.items():
        for short, data in sets.items():
            yield Known(
                f"icpr_{name.lower()}_{short.lower()}",
                network,
                f"the GitHub repository polimi-ispl/icpr2020dfdc, {name}_{short}_bestval-SHA256.pth",
                (File(f"{name}_{short}_bestval.pth"),),
                data=data,
                terms="code GPL-3",
                reported=golden if (name, short) == ("EfficientNetAutoAttB4", "DFDC") else "",
                dialect=f"ICPR2020 {name}",
                size=224,
                notes=("the end of the published file's name is its SHA-256",),
            )


def _mesonet() -> Iterator[Known]:
    checksums = {
        "Meso4_DF": ("036ed30d04ffd9c7506f825b97c86aa64915f5818931da96817b169aad790af5", 156128),
        "Meso4_F2F": ("bcfda015d217b9f8d6557693edbdf9f4e79cfd22672541968dd0e2954462b5d7", 156128),
        "MesoInception_DF": ("234586d40058e76ef8b6f27ca4b63c06e31c2a5a69c0d8ba6f30b1468ab7bafa", 197504),
        "MesoInception_F2F": ("d4533ac8a3197dc35c47405d23d99e888c1d0135e267e03540c7451feaccff3f", 197504),
    }
    pictures = {"Meso4_DF": ".05 .02 .99 1.00", "MesoInception_DF": ".02 .00 1.00 1.00"}
    for name, (sha256, size) in checksums.items():
        said = f"p(real) of its repository's four test pictures (2 fake, 2 real): {pictures.get(name)}"
        yield Known(
            f"mesonet_{name.lower()}",
            "MesoInception4" if "Inception" in name else "Meso4",
            "the folder weights of the GitHub repository DariusAf/MesoNet",
            (File(f"{name}.h5", f"https://github.com/DariusAf/MesoNet/raw/master/weights/{name}.h5", sha256, size),),
            data="deepfakes" if name.endswith("DF") else "Face2Face",
            terms="Apache-2.0",
            reported=said if name in pictures else "",
            dialect="Keras's HDF5 of MesoNet",
            size=256,
            notes=("its output is the probability of a genuine image",),
        )


def _hub(
    repository: str,
    network: str,
    size: int,
    labels: str,
    *notes: str,
    terms: str = "",
    reported: str = "",
    data: str = "",
) -> Known:
    return Known(
        repository.lower().replace("/", "_").replace("-", "_"),
        network,
        f"the hub's repository {repository}",
        tuple(File(name, f"{HUB}/{repository}/resolve/main/{name}") for name in HUB_FILES),
        data=data,
        terms=terms,
        reported=reported,
        dialect="folder of transformers",
        size=size,
        notes=(f"labels: {labels}", *notes),
    )


def _others() -> Iterator[Known]:
    sbi = {
        "raw": "93.82, 97.87, 73.01, 85.70, 84.52",
        "c23": "92.87, 98.16, 71.96, 85.51, 83.22",
    }
    for compression, auc in sbi.items():
        file = {"raw": "FFraw.tar", "c23": "FFc23.tar"}[compression]
        yield Known(
            f"sbi_{compression}",
            "EfficientNet-B4",
            f"the Google Drive that the GitHub repository mapooon/SelfBlendedImages links, {file}",
            (File(file),),
            data=f"FF++ {compression}",
            terms="own, non-commercial, no redistribution",
            reported=f"video AUC in %, CDF, DFD, DFDC, DFDCP, FFIW: {auc}",
            dialect="SelfBlendedImages",
            size=380,
            notes=("a torch file of 135 MB, whatever its suffix",),
        )
    yield Known(
        "selimsef_b7",
        "EfficientNet-B7 (timm's tf_efficientnet_b7_ns)",
        "the GitHub releases of selimsef/dfdc_deepfake_challenge, tag 0.0.1, one of final_111_..._36 and further ones",
        (File("final.pth"),),
        data="DFDC",
        terms="MIT",
        reported="65.18 % on DFDC's black-box set",
        dialect="selimsef DFDC",
        size=380,
        notes=("the release has seven such files, an ensemble: put one of them there under the name final.pth",),
    )
    for compression in ("raw", "c23", "c40"):
        yield Known(
            f"faceforensics_xception_{compression}",
            "Xception (Cadene's)",
            f"faceforensics++_models.zip, which the GitHub repository ondyari/FaceForensics links, all_{compression}.p",
            (File(f"all_{compression}.p"),),
            data=f"FF++ {compression}",
            dialect="FaceForensics++ Xception",
            size=299,
            notes=("a whole pickled module, whose code isn't run",),
        )
    for compression in ("c23", "c40"):
        yield Known(
            f"hongguliu_xception_{compression}",
            "Xception (Cadene's)",
            f"the GitHub repository HongguLiu/Deepfake-Detection, ffpp_{compression}.pth",
            (File(f"ffpp_{compression}.pth"),),
            data=f"FF++ {compression}",
            dialect="HongguLiu Xception",
            size=299,
        )
    for name, auc, form in (("cross_efficient_vit", ".951", hybrids.CROSS), ("efficient_vit", ".919", hybrids.SINGLE)):
        yield Known(
            f"coccomini_{name}",
            "EfficientNet-B0 and a vision transformer",
            f"the GitHub repository davide-coccomini/Combining-EfficientNet-and-Vision-Transformers..., {name}.pth",
            (File(f"{name}.pth"),),
            terms="MIT",
            reported=f"DFDC video AUC {auc}",
            dialect=form,
            size=224,
        )
    yield Known(
        "noame12_efficientnetb0",
        "EfficientNet-B0 and a vision transformer",
        "the file efficientnetB0_checkpoint89_All of noame12",
        (File("efficientnetB0_checkpoint89_All"),),
        data="FF++",
        terms="none given",
        reported="the videos 000 to 099 of each category, by which its training was stopped as well: accuracy .940, "
        "AUC .983",
        dialect=hybrids.NOAME,
        size=224,
        notes=("its author's file isn't public any more",),
    )
    yield Known(
        "ff_attribution",
        "a timm model with FF++'s five classes (detector.model says which)",
        "the GitHub repository IDT-ITI/XAI-Deepfakes, which links ff_attribution.ckpt",
        (File("ff_attribution.ckpt"),),
        data="FF++",
        reported="on FF++'s test set: accuracy .9626, AUROC .9970, F1 .9627, average precision .9881",
        dialect="Lightning",
    )
    yield _hub(
        "dima806/deepfake_vs_real_image_detection",
        "ViT-B/16",
        224,
        "0 Real, 1 Fake",
        terms="Apache-2.0",
        reported="own test accuracy .9927",
    )
    yield _hub(
        "prithivMLmods/Deep-Fake-Detector-v2-Model",
        "ViT-B/16",
        224,
        "Realism and Deepfake",
        "reported to have its labels the wrong way round: 7 % right as shipped, 92.9 % inverted",
    )
    yield _hub(
        "prithivMLmods/deepfake-detector-model-v1",
        "SigLIP",
        512,
        "0 fake, 1 real",
        "an earlier revision is a ViT: keep the files of the one that you report",
    )
    yield _hub("prithivMLmods/Deepfake-Detect-Siglip2", "SigLIP2-B/16", 224, "0 Fake, 1 Real")
    yield _hub(
        "Organika/sdxl-detector", "Swin-B", 224, "0 artificial, 1 human", data="generated images, not face swaps"
    )


KNOWN = {one.name: one for one in (*_deepfakebench(), *_icpr(), *_mesonet(), *_others())}


def known(name: str) -> Known:
    """A detector by its name.

    Raises:
        InputError: there is none of this name.
    """
    if name not in KNOWN:
        alike = difflib.get_close_matches(name.lower(), KNOWN, n=3, cutoff=0.4)
        meant = f" (did you mean {' or '.join(alike)}?)" if alike else ""
        raise InputError(
            f"{PREFIX}{in_line(name)[:80]}: no detector is known under this name{meant}; `python -m advxai detectors` "
            "lists them"
        )
    return KNOWN[name]


def named(checkpoint: str | Path) -> Known | None:
    """The known detector that `known:NAME` means, or whose file a path is where those lie; None: neither.

    Raises:
        InputError: there is none of this name.
    """
    text = str(checkpoint)
    if text.startswith(PREFIX):
        return known(text.removeprefix(PREFIX))
    parts = Path(text).parts
    for place in range(len(parts) - len(FOLDER)):
        if parts[place : place + len(FOLDER)] == FOLDER:
            return KNOWN.get(parts[place + len(FOLDER)])
    return None


def located(checkpoint: str | Path, results: str | Path) -> Path:
    """The file or folder of a detector, given as such or as `known:NAME`.

    Raises:
        InputError: no detector is known under this name, or it can't be run here.
    """
    text = str(checkpoint)
    if not text.startswith(PREFIX):
        return Path(text)
    found = known(text.removeprefix(PREFIX))
    if found.refused:
        raise InputError(f"{text}: {found.refused}; `python -m advxai detectors` lists those that are run")
    return found.path(results)
