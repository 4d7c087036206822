"""Tables 1 to 3 of the paper, number for number, and what has to be known to read them beside ours.

Source: Tsigos, Apostolidis, Mezaris, "Improving the Perturbation-Based Explanation of Deepfake Detectors Through the
Use of Adversarially-Generated Samples", WACVW 2025, arXiv 2502.03957. What the notes say of the released code was read
in that code (github.com/IDT-ITI/Adv-XAI-Deepfakes).
"""

from typing import NamedTuple

from advxai.common.categories import SHORT

SOURCE = "Tsigos, Apostolidis, Mezaris, WACVW 2025, arXiv 2502.03957"

Triple = tuple[float, float, float]


class Scores(NamedTuple):
    """A row of table 1 or 2: top-1, top-2 and top-3 of each category."""

    Deepfakes: Triple
    Face2Face: Triple
    FaceSwap: Triple
    NeuralTextures: Triple


class Cost(NamedTuple):
    """An entry of table 3: seconds on an RTX 4090 and calls of the detector for one image."""

    seconds: float
    calls: int


CATEGORIES = Scores._fields
TOP = (1, 2, 3)

# Table 1, second row: accuracy on the original images.
ORIGINAL_ACCURACY = {"Deepfakes": 0.978, "Face2Face": 0.977, "FaceSwap": 0.982, "NeuralTextures": 0.924}

# Table 1: accuracy after the attacks.
ACCURACY = {
    "LIME": Scores((0.735, 0.440, 0.245), (0.803, 0.633, 0.484), (0.864, 0.698, 0.559), (0.579, 0.340, 0.197)),
    "LIME_adv": Scores((0.673, 0.363, 0.205), (0.784, 0.568, 0.392), (0.790, 0.538, 0.378), (0.411, 0.155, 0.056)),
    "SHAP": Scores((0.813, 0.609, 0.450), (0.846, 0.739, 0.637), (0.876, 0.702, 0.543), (0.686, 0.497, 0.344)),
    "SHAP_adv": Scores((0.706, 0.434, 0.249), (0.811, 0.647, 0.482), (0.820, 0.611, 0.430), (0.485, 0.238, 0.129)),
    "SOBOL": Scores((0.750, 0.591, 0.490), (0.816, 0.653, 0.512), (0.874, 0.703, 0.574), (0.621, 0.417, 0.313)),
    "SOBOL_adv": Scores((0.696, 0.507, 0.383), (0.828, 0.680, 0.555), (0.831, 0.627, 0.506), (0.478, 0.252, 0.152)),
    "RISE": Scores((0.877, 0.766, 0.686), (0.843, 0.710, 0.622), (0.896, 0.809, 0.734), (0.783, 0.637, 0.513)),
    "RISE_adv": Scores((0.769, 0.679, 0.618), (0.876, 0.824, 0.784), (0.917, 0.867, 0.830), (0.515, 0.378, 0.322)),
}

# Table 2: sufficiency.
SUFFICIENCY = {
    "LIME": Scores((0.195, 0.408, 0.539), (0.121, 0.238, 0.334), (0.087, 0.189, 0.262), (0.233, 0.363, 0.431)),
    "LIME_adv": Scores((0.252, 0.464, 0.564), (0.136, 0.276, 0.379), (0.134, 0.278, 0.367), (0.326, 0.455, 0.501)),
    "SHAP": Scores((0.137, 0.300, 0.402), (0.092, 0.158, 0.222), (0.073, 0.181, 0.269), (0.167, 0.282, 0.357)),
    "SHAP_adv": Scores((0.215, 0.423, 0.534), (0.112, 0.224, 0.324), (0.114, 0.240, 0.334), (0.280, 0.405, 0.463)),
    "SOBOL": Scores((0.166, 0.277, 0.352), (0.108, 0.212, 0.296), (0.078, 0.180, 0.259), (0.198, 0.302, 0.362)),
    "SOBOL_adv": Scores((0.215, 0.349, 0.426), (0.105, 0.201, 0.270), (0.110, 0.221, 0.286), (0.282, 0.393, 0.443)),
    "RISE": Scores((0.087, 0.162, 0.219), (0.091, 0.173, 0.223), (0.060, 0.114, 0.157), (0.115, 0.204, 0.273)),
    "RISE_adv": Scores((0.155, 0.220, 0.266), (0.066, 0.100, 0.128), (0.043, 0.073, 0.097), (0.244, 0.315, 0.351)),
}

# Table 3; its columns Original and Modified are rows here, as they are in tables 1 and 2.
COST = {
    "LIME": Cost(4.4, 200),
    "LIME_adv": Cost(20.8, 2081),
    "SHAP": Cost(2.6, 45),
    "SHAP_adv": Cost(18.7, 1928),
    "SOBOL": Cost(0.4, 17),
    "SOBOL_adv": Cost(16.9, 1898),
    "RISE": Cost(1.8, 32),
    "RISE_adv": Cost(18.8, 1913),
}

ROWS = tuple(COST)

# Images of each category that the authors' sampling rule takes of their list, data/adv_xai_ff_test.csv.
LISTED = {"Deepfakes": 1280, "Face2Face": 1260, "FaceSwap": 1270, "NeuralTextures": 1260}

READINGS = (
    "Where text, package and code differ, a published row has several readings. LIME: filled with the mean colour of "
    "the image (the paper's text; row LIME) or of each segment (the lime package's default; LIME_segment_mean), or "
    "with the adversarial copy on quickshift segments, which is what the released code computes for this row "
    "(LIME_released): if that is what was published, LIME against LIME_adv is quickshift against SLIC. SOBOL: filled "
    "with a blur (the text; SOBOL, with the 10x10 box that the released code's blur defaults to) or with zeros of the "
    "normalised image (what that code does; SOBOL_released).",
)

SCORE_NOTES = (
    "Difference: ours less the published number. It is one between two computations, each with noise of its own (the "
    "released code seeds nothing), and doesn't show that a number was or wasn't reproduced; under `protocol: "
    "corrected`, method and images differ on purpose.",
    "n: our images. The paper states 1,270 for each category; the list that its authors ship gives "
    f"{', '.join(f'{LISTED[name]:,} ({short})' for name, short in SHORT.items())}.",
    "The released code swaps two pairs of labels in the CSV that it writes: the rows of RISE and RISE_adv are called "
    "SOBOL and SOBOL_adv, and the other way round. Whether the published tables carry this swap can't be told; "
    "published rows are given here as they were published, ours by what was computed.",
    *READINGS,
)

COST_NOTES = (
    "No differences are given. Seconds: the published ones are of one NVIDIA RTX 4090, ours of the machine of this "
    "run. Calls: the published ones are of the explainer's own batches (LIME: 200 of 10 images), and for the modified "
    "explainers also of NES with one image each (a modified explainer has 1,881 more than the original, SHAP 1,883); "
    "ours are full forward batches, counted as if each image were alone. The images behind the calls, which could be "
    "compared, are given for ours only: the paper doesn't count them.",
    "Published figures of a modified explainer include NES, so they stand beside our total. The total of a reading "
    "that fills with the adversarial copy includes NES even where it reads an original row (LIME_released). The "
    "released timing script gives LIME quickshift segments.",
    "n: our explained images.",
    *READINGS,
)
