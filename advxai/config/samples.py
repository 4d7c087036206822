"""Configuration of the target `samples`: a list of images that are all explained, real ones too."""

from pydantic import Field

from advxai.config.base import Model

Names = list[str]


class Samples(Model):
    """What `snakemake samples` explains; changes nothing else of the run."""

    explainers: Names | None = Field(
        None,
        min_length=1,
        description="Rows of `explainers` to explain by; null: all that explain a picture by itself and fill in with "
        "no adversarial copy.",
    )
    list: str | None = Field(
        None,
        min_length=1,
        description="The list: of columns video_name,label,video_prob,high_low_prob,example_file_name; or a path or "
        "key of an image a line, with a label (0 real, 1 fake) where the path doesn't say it; or of the authors' form "
        "(relative_path bin_label mc_label). null: the run's own, detector/samples.csv.",
    )
    crops: str | None = Field(
        None,
        min_length=1,
        description="Folder of the list's images: <split>_set/<method>/<video>/<frame>_<face>.png as `frames.crops`, "
        "or <method>_<video>_<frame>_<face>.png side by side. null: they are the run's own.",
    )

    @property
    def asked(self) -> bool:
        """The configuration says what is to be explained."""
        return self != Samples()
