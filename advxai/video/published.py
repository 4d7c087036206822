"""The rows that Pino et al. (2021, arXiv 2105.05902) publish, number for number, as in their slides."""

SOURCE = "Pino et al., arXiv 2105.05902"
CLIPS = 58  # fake videos of DFDC

# intensity stands in the first version of their table alone
PUBLISHED = {
    "Bonettini": {"intensity": 0.4821, "variance": 0.0951, "tau": 0.7390, "rho": 0.1262, "mu": 0.5286},
    "GradCAM": {"intensity": 0.0689, "variance": 0.0135, "tau": 0.8756, "rho": 0.7489, "mu": 0.8666},
    "LTPA": {"intensity": 0.0616, "variance": 0.0108, "tau": 0.7991, "rho": 0.3333, "mu": 0.6386},
    "SHAP": {"intensity": 0.0563, "variance": 0.0302, "tau": 0.4496, "rho": 0.2326, "mu": 0.7348},
}
NOTE = (
    f"Published: {SOURCE}, means over {CLIPS} fake videos of DFDC by detectors that were trained on it. Other videos, "
    "another corpus, other crops: not comparable in data. How they scaled their maps, which shifts they took, and the "
    "segments and filling of their SHAP aren't stated."
)
