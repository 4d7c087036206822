# common: what the rules of all stages share, what is looked at before them, and what a person is told of a run.
from pathlib import Path

from advxai.beforehand import check, when_trained
from advxai.beforehand.clips import require_clips
from advxai.beforehand.own import require_usable
from advxai.beforehand.samples import require_corpus
from advxai.beforehand.targets import asks_for_clips, require_rows, told_at_the_end
from advxai.config.base import one_of
from advxai.run.console import watch
from advxai.run.environment import prepare
from advxai.run.paths import Paths
from advxai.run.settled import call_up, remember, require_known

# Scripts are processes of their own, perhaps on another node: they must find the library too.
prepare(workflow.basedir)

# What a person wants to know goes to the screen, Snakemake's own account to its log; `--quiet host` leaves it on the screen.
watch(workflow)

# `snakemake plan` is for before the download: it doesn't need the data. (Snakemake knows its targets only after the
# Snakefile, and its job has the target `plan:`.)
PLANNING = not {"plan", "plan:"}.isdisjoint(sys.argv)

try:
    P = Paths(CONFIG, planning=PLANNING)
    CONFIG = P.config  # with what the detector's own file says
    P.classes  # which the paths of all stages depend on
except InputError as error:
    raise WorkflowError(str(error)) from None

# The target `detector` alone: what is said at the end is how good it is.
TESTING = "detector" in sys.argv

# What is said at the end besides: of images, of clips, or nothing.
TOLD = told_at_the_end(CONFIG, sys.argv)

# On a cluster the main process takes care of what failed, with more memory and time.
RETRIES = 0 if workflow.remote_exec else P.RETRIES


if not PLANNING:
    try:
        a_job = bool(workflow.remote_exec or workflow.subprocess_exec)
        for note in check(P, when_trained(sys.argv, a_job)):
            print(f"note: {note}", file=sys.stderr)
        # a job's own process needn't ask again
        if not a_job:
            require_corpus(CONFIG, sys.argv)
            require_rows(CONFIG, sys.argv)
            if asks_for_clips(CONFIG, sys.argv):
                for note in require_clips(P):
                    print(f"note: {note}", file=sys.stderr)
            require_known(P, Path(".snakemake"))
            for note in require_usable(P, Path(".snakemake")):
                print(f"note: {note}", file=sys.stderr)
            call_up(P, Path(".snakemake"))
    except InputError as error:
        raise WorkflowError(str(error)) from None


if PLANNING and CONFIG.plan.like is not None and not workflow.subprocess_exec:
    from advxai.plan.lengths import expected  # pandas and all

    try:
        expected(CONFIG)
    except InputError as error:
        raise WorkflowError(str(error)) from None


wildcard_constraints:
    package="[^/]+",
    clip=one_of(P.clip_names),
    explainer=one_of(CONFIG.explainers),
    digest="[0-9a-f]{12}",
    shard=rf"\d+-of-{CONFIG.shards}",


onstart:
    if not PLANNING:
        remember(P, Path(".snakemake"))


onsuccess:
    from advxai.run.store import (
        clear_journals,
    )  # HDF5 and all, which planning and each job's start don't need

    clear_journals(
        path
        for paths in (*P.records.values(), P.samples, *P.video_records.values())
        for path in paths
    )
    if not PLANNING:
        remember(P, Path(".snakemake"))
    if CONFIG.image is None and TESTING and P.outputs.detector_tested:
        print(P.outputs.tested[-1].read_text(encoding="utf-8"), file=sys.stderr)
        print(f"all numbers: {P.outputs.tested[0]}, and beside it", file=sys.stderr)
        print(
            f"a line a video: {P.outputs.labels}; an image of each: {P.outputs.examples}",
            file=sys.stderr,
        )
        figures = [str(P.outputs.figure(name)[0]) for name in ("detector", "roc")]
        print(f"figures: {', '.join(figures)}", file=sys.stderr)
        if P.outputs.beside_detector:
            print(
                f"beside published figures: {P.outputs.beside_detector[-1]}",
                file=sys.stderr,
            )
    elif CONFIG.image is None and "clips" in sys.argv:
        from advxai.clips.manifest import said_of

        if said := said_of(P.clips_left_out[:-1]):
            print(f"note: {said}", file=sys.stderr)
    elif CONFIG.image is None and "samples" in sys.argv and P.outputs.sampled:
        print(
            P.outputs.samples["summary"].read_text(encoding="utf-8"),
            file=sys.stderr,
        )
    elif "images" in TOLD and P.outputs.summed_up:
        print((P.run / "summary.txt").read_text(encoding="utf-8"), file=sys.stderr)
        if P.outputs.report.exists():
            print(f"report: {P.outputs.report}", file=sys.stderr)
    elif "images" in TOLD and P.outputs.answered:
        from advxai.answer.sentences import read, text

        print(*text(read(P.outputs.answer)), sep="\n", file=sys.stderr)
    if "clips" in TOLD and P.outputs.clips_shown:
        print(P.video_page["summary"].read_text(encoding="utf-8"), file=sys.stderr)
        print(f"films: {P.video_page['page']}", file=sys.stderr)


onerror:
    print(
        "The run stopped before its end. Where a job failed, its message is above and in results/store/logs/. Finished work "
        "is kept: mend the cause, if there was one, and give the same command again (after a kill, `snakemake --unlock` first).",
        file=sys.stderr,
    )
