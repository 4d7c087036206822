"""What a run was made from, with, when and by how much work: results/<run>/provenance.json."""

import os
import platform
import subprocess
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pandas as pd

from advxai.common.errors import reading
from advxai.config.data import DemoCorpus
from advxai.media.rule import Rule
from advxai.run.digests import VERSIONS
from advxai.run.environment import processor
from advxai.run.folders import DIGEST, Folder
from advxai.run.paths import Paths
from advxai.run.store import read_attributes, read_shard
from advxai.run.store.belong import weights_in
from advxai.run.weights import read_hash

ROOT = Path(__file__).parents[2]
OF_CLIPS = ("clips_", "video_")  # how the names of rules begin that are of clips


def provenance(paths: Paths, clips: bool = False) -> dict[str, Any]:
    """Everything that is known of a finished run, as JSON.

    Args:
        paths: of the run's configuration; its shards are there.
        clips: it is asked of the explained clips, whose shards are there; the images' needn't be. Otherwise it is
            asked of the images, and nothing of clips is in it, so that what is set of clips changes nothing of it.

    Returns:
        run, written (UTC); config, with every default; seeds; algorithm_versions; detector (its file in the store, the
        SHA-256 that all records carry, what an imported one was read as, and its classes); crops (the rule in words,
        and what to know of it); folders of the store, each with its digest, parameters and what it was made from; code
        (commit, and whether files were changed since); python, packages and machine of this job; records: for each
        stage, and for samples where they are explained, how many its last jobs found and computed, their
        forwards, and with which device and versions each record was computed; mixed: stages whose records were not all
        computed with the same (but for packages that only some rows need); times: for each rule the jobs, their seconds
        together, and the most memory.

    Raises:
        InputError: a shard is damaged; the message names it.
    """
    config, classes = paths.config, paths.classes
    corpus, rule = config.corpus, Rule.of(config.faces)
    shards_of = paths.video_records if clips else paths.records
    found = {stage: records(shards) for stage, shards in shards_of.items()}
    if not clips and _whole(paths, paths.samples):
        found["samples"] = records(paths.samples)
    rows = config.video.explainers if clips else config.explainers
    own = {package for entry in rows.values() for package in entry.packages}
    folders = list(paths.folders if clips else paths.folders_of_images)
    return {
        "run": config.run,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "config": config.model_dump(mode="json", exclude=set() if clips else {"video"}),
        "seeds": {"run": config.seed, "corpus": corpus.seed if isinstance(corpus, DemoCorpus) else None},
        "algorithm_versions": VERSIONS,
        "detector": {
            "file": str(paths.weights),
            "sha256": read_hash(paths.weights_hash),
            "read_as": paths.read_lines,
            "classes": list(classes.names),
            "real": classes.real_name,
            "output": classes.output,
            "positive": classes.positive_name,
            "threshold": classes.threshold,
        },
        "crops": None if config.frames.ready else {"rule": rule.words, "notes": rule.notes},
        "folders": [
            {
                "folder": str(folder.path.relative_to(paths.store)),
                "holds": folder.holds,
                "params": folder.params,
                "made_from": [str(path.relative_to(paths.store)) for path in folder.reads],
            }
            for folder in folders
        ],
        "code": code(ROOT),
        "python": platform.python_version(),
        "packages": dict(sorted({found.metadata["Name"]: found.version for found in distributions()}.items())),
        "machine": {"system": platform.platform(), "processor": processor(), "cores": os.cpu_count()},
        "records": found,
        "mixed": mixed(found, own),
        "times": times(paths, folders, clips),
    }


def _whole(paths: Paths, shards: Collection[Path]) -> bool:
    """There are such shards, all of them of the run's present detector."""
    weights = {read_hash(paths.weights_hash)}
    return bool(shards) and all(path.is_file() and weights_in(path) <= weights for path in shards)


def code(folder: Path) -> dict[str, Any]:
    """Git commit of the code, and whether tracked files differ from it; None where it is no checkout."""

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            return None
        return done.stdout.strip()

    changes = git("status", "--porcelain", "--untracked-files=no")
    return {"commit": git("rev-parse", "HEAD"), "changed": None if changes is None else bool(changes)}


def records(shards: Iterable[Path]) -> dict[str, Any]:
    """What shards say of their jobs, added up."""
    total: Counter[str] = Counter()
    made_with: Counter[str] = Counter()
    for shard in shards:
        said = read_attributes(shard)
        total.update({name: int(said[name]) for name in ("records", "found", "computed", "images", "calls")})
        if "backwards" in said:  # of white boxes alone
            total["backwards"] += int(said["backwards"])
        made_with.update(record["made_with"] for record in read_shard(shard, ["made_with"]))
    return {**total, "made_with": dict(made_with)}


def mixed(found: Mapping[str, Mapping[str, Any]], own: Collection[str] = ()) -> list[str]:
    """Stages whose records weren't all made with the same device and versions.

    Args:
        found: stage -> what `records` gives of it.
        own: packages that only some rows need (`advxai.config.rows.Row.packages`): a record without one was made by
            another row, but two versions of one are a mixture.
    """
    return [stage for stage, said in found.items() if _several(said["made_with"], own)]


def _several(made_with: Iterable[str], own: Collection[str]) -> bool:
    """Whether texts of `made_with` (`device; name version, name version`) differ by more than packages of their own."""
    shared, versions = set(), set()
    for made in made_with:
        where, _, names = made.rpartition("; ")
        pairs = [tuple(part.rsplit(" ", 1)) for part in names.split(", ")]
        shared.add((where, *(pair for pair in pairs if pair[0] not in own)))
        versions |= {pair for pair in pairs if pair[0] in own}
    return len(shared) > 1 or len(versions) > len({name for name, *_ in versions})


def times(paths: Paths, folders: Iterable[Folder], clips: bool = False) -> dict[str, dict[str, Any]]:
    """Rule -> jobs, seconds, most memory (MiB) and when the last one ended, by the rules' benchmark files.

    Of a job that was done again only the last time counts; a job of under a second has no memory.

    Args:
        paths: of the run.
        folders: its jobs', with digests.
        clips: whether jobs of clips count.
    """
    digests = {folder.path.name[-12:] for folder in folders}
    found: dict[str, list[Path]] = {}
    for path in sorted(paths.logs.rglob("*.tsv")):
        parts = path.relative_to(paths.logs).with_suffix("").parts
        if parts[0] == paths.config.run:
            parts = parts[1:]
        elif not DIGEST.search(parts[-1]):
            continue  # another run's
        if parts[0].startswith(OF_CLIPS) and not clips:
            continue
        if {match[1] for part in parts if (match := DIGEST.search(part))} <= digests:
            found.setdefault(parts[0], []).append(path)
    return {rule: _spent(files) for rule, files in found.items()}


def _spent(files: list[Path]) -> dict[str, Any]:
    table = pd.concat(map(_timing, files))
    memory = table["max_rss"].max()
    return {
        "jobs": len(files),
        "seconds": round(float(table["s"].sum()), 1),
        "most_memory_mib": None if pd.isna(memory) else round(float(memory)),
        "last_ended": datetime.fromtimestamp(max(path.stat().st_mtime for path in files), UTC).isoformat(
            timespec="seconds"
        ),
    }


def _timing(path: Path) -> pd.DataFrame:
    """A benchmark file's columns s and max_rss."""
    with reading(path, "delete it: only this job's time is lost", "Snakemake's times of a job"):
        return pd.read_csv(path, sep="\t", na_values="-")[["s", "max_rss"]].astype("float64")
