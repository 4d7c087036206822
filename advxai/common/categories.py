"""The categories of a corpus: what its videos are, whatever a detector makes of them. Those of FaceForensics++."""

REAL = "Real"
MANIPULATIONS = ("NeuralTextures", "Face2Face", "Deepfakes", "FaceSwap")  # in the order of the paper's five-class head
SHORT = {"Deepfakes": "DF", "Face2Face": "F2F", "FaceSwap": "FS", "NeuralTextures": "NT"}  # in the paper's order
ABBREVIATIONS = SHORT | {"FaceShifter": "FSh"}
# What else FF++ holds, with its label: -1 is a manipulation that the paper's head has no class for, actors are genuine.
FURTHER = {"FaceShifter": -1, "DeepFakeDetection": -1, "actors": 0}
# The authors' mc_label of each category, as lists of images have it; a detector's classes may be others.
LABELS = {name: index for index, name in enumerate((REAL, *MANIPULATIONS))} | FURTHER


def genuine(category: str) -> bool:
    """Whether a category's videos are unmanipulated."""
    return LABELS.get(category) == LABELS[REAL]


def manipulated(category: str) -> bool:
    """Whether a category's videos are manipulated; neither they nor `genuine` are those of no category ("")."""
    return category in LABELS and not genuine(category)


def category_of(relative_path: str) -> str:
    """Category of an FF++ relative path, as in `LABELS`; "" if it is neither an original's nor a manipulation's.

    "Real" for YouTube's originals, in either layout, "actors" for the other ones, else the manipulation's folder.
    """
    first, second, *_ = [*relative_path.split("/", 2), ""]
    if first == "original_sequences":
        return "actors" if second == "actors" else REAL
    return second if first == "manipulated_sequences" else ""
