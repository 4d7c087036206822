"""What a person looks at: figures of maps beside the true masks."""

from advxai.report.axes import Shown
from advxai.report.captions import adversary_caption, attack_caption, clean_caption
from advxai.report.figure import Panel, explainer_figure
from advxai.report.pick import pick

__all__ = ["Panel", "Shown", "adversary_caption", "attack_caption", "clean_caption", "explainer_figure", "pick"]
