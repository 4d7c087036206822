"""The console of a run, for people: a line a stage with what and how many, how far it is, what is left.

Snakemake's own account goes to its log file. This is a handler of its logger in the main process, in the place of the
one that writes to the screen; it reads what the records say and imports nothing of Snakemake.
"""

import logging
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from advxai.run import progress
from advxai.run.tally import Job, duration, in_order, job_of, made, planned, plural

# What profiles/default is quiet about. Whoever gives another `--quiet`, or `--verbose`, gets Snakemake's own console.
QUIET = {"RULES", "HOST"}
LINES = 20  # of a failed job's log
REDRAW, REPEAT = 1.0, 30.0  # seconds, at a terminal and in a file
# What Snakemake says between its start and its end, and a person should hear; the rest is in its log.
STOP = "Terminating processes"
HEARD = (STOP, "Will exit after", "Waiting for", "Unlocked")
# Of its warnings: what a failure means for the files that the job was to update, at each try.
UNHEARD = ("Restored previous version", "Cannot restore")
ENDS = (STOP, "Shutting down", "Exiting because")
KILLED = (
    "Killed by SIGKILL, perhaps for lack of memory: lower detector.forward_batch, an explainer's gradient_batch or "
    "images_at_once, or give fewer --cores."
)
UNDERSTOOD = ("exit status 1.", "exit status 130.", "Signals.SIGINT")


if TYPE_CHECKING:

    class JobRecord(logging.LogRecord):
        """A record about a job, with what Snakemake adds to it."""

        job_id: int  # of one that has finished
        jobid: int  # of any other
        log: list[str]
        rule_name: str
        rule_msg: str | None


class Console(logging.Handler):
    """Says what a person wants to know of a run.

    Before the run begins, and in what is no run (`--lint`, `--summary` ...), all goes to Snakemake's own handler.

    Args:
        screen: Snakemake's own handler, with the stream to write to.
        plan: asked when the run begins; the jobs to be run, by Snakemake's number.
        show_logs: whether the end of a failed job's log is shown.
        touches: asked when the jobs are known; whether files are only touched.
        width: of the terminal, in characters.
    """

    def __init__(
        self,
        screen: "logging.StreamHandler[Any]",
        plan: Callable[[], dict[int, Job]],
        *,
        show_logs: bool = True,
        touches: Callable[[], bool] = lambda: False,
        width: Callable[[], int] = lambda: shutil.get_terminal_size().columns,
    ) -> None:
        super().__init__()
        self.screen, self.plan, self.show_logs, self.touches, self.width = screen, plan, show_logs, touches, width
        self.terminal = bool(screen.stream.isatty())
        self.jobs: dict[int, Job] = {}
        self.began: dict[str, float] = {}  # stages, and when
        self.started = time.monotonic()
        self.runs = self.draws = self.drawn = self.stopped = False
        self.ended = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        """Say what a record means, if anything."""
        try:
            self._emit(record)
        except Exception:  # as every handler: what is logged is never a reason to stop
            self.handleError(record)

    def _emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "event", None)
        if event == "workflow_started":
            self.runs = True
        if event == "run_info" and self.touches():  # known by now; files are touched, nothing is made
            self.runs = False
            unquieten(self.screen)
        if not self.runs:
            if not str(record.msg).startswith("Assuming unrestricted shared filesystem"):
                self._pass_on(record)
        elif event == "run_info":
            self._begin()
        elif event == "job_info":
            self._job_begins(cast("JobRecord", record))
        elif event == "job_finished":
            self._job_ends(cast("JobRecord", record).job_id)
        elif event == "job_error":
            self._job_fails(cast("JobRecord", record))
        elif event is None or event == "error":
            self._message(record)
        elif record.levelno >= logging.WARNING and event != "group_error":  # whose jobs' errors come besides
            self._pass_on(record)

    def _message(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text.startswith(ENDS):
            self.draws = False
            self.stopped |= text.startswith(STOP)
        if record.levelno >= logging.WARNING or text.startswith(HEARD):
            if not said_by_the_job(record) and not text.startswith(UNHEARD):
                self._pass_on(record)
                if "Signals.SIGKILL" in text:
                    self._line(KILLED)
        elif text.startswith("Trying to restart job"):
            self._line("It is tried again.")
        elif text.startswith("Nothing to be done"):
            self._line("Nothing to be done: all that was asked for is there and up to date.")
        elif text.startswith("Complete log(s): "):
            self._line(f"Snakemake's log: {_short(text.partition(': ')[2])}")
        elif text.startswith("Elapsed time"):
            done = sum(job.state == "done" for job in self.jobs.values())
            self._line(f"{done} of {plural(len(self.jobs), 'job')} done, {duration(time.monotonic() - self.started)}")

    def _begin(self) -> None:
        self.jobs = self.plan()
        progress.offer()
        if len(self.jobs) > 1:
            self._line(f"{plural(len(self.jobs), 'job')}: {self._left()}")
        threading.Thread(target=self._keep_drawing, daemon=True, name="console").start()

    def _job_begins(self, record: "JobRecord") -> None:
        if record.jobid not in self.jobs:
            return
        job = self.jobs[record.jobid]
        job.state, job.log, job.told, job.began = "runs", next(iter(record.log), ""), {}, time.monotonic()
        self.draws = True
        if job.stage not in self.began:
            self.began[job.stage] = job.began
            if len(self.jobs) > 1:
                number = sum(one.stage == job.stage for one in self.jobs.values())
                self._line(f"{job.stage} begins: {plural(number, 'job')}")

    def _job_ends(self, number: int) -> None:
        if number not in self.jobs:
            return
        job = self.jobs[number]
        self._look(job)
        job.state, job.took = "done", time.monotonic() - job.began
        row = [one for one in self.jobs.values() if one.row and one.name == job.name]
        stage = [one for one in self.jobs.values() if one.stage == job.stage]
        if row and all(one.state == "done" for one in row):
            self._line(f"{job.name}: {made(row)}, {duration(sum(one.took for one in row))}")
        if all(one.state == "done" for one in stage):
            left = self._left()
            took = duration(time.monotonic() - self.began[job.stage])
            self._line(f"{job.stage} done: {made(stage)}, {took}" + (f"; left: {left}" if left else ""))
        self.draws = any(one.state != "done" for one in self.jobs.values())
        self._draw()

    def _job_fails(self, record: "JobRecord") -> None:
        job = self.jobs.get(record.jobid) or job_of(record.rule_name, {})
        job.state = "waits"
        if self.stopped:
            self._line(f"{job.name} stopped")
            return
        logs = [path for path in record.log if path]
        self._line(f"{job.name} failed (rule {record.rule_name}, job {record.jobid})")
        if record.rule_msg:
            self._line(str(record.rule_msg))
        for path in logs:
            said = _tail(Path(path)) if self.show_logs else []
            for line in said:
                self._line(line)
            empty = " (empty: it was killed, perhaps for lack of memory, or see above)"
            self._line(f"log: {path}" + ("" if said or not self.show_logs else empty))

    def _look(self, job: Job) -> None:
        if job.log:
            job.told = progress.read(job.log) or job.told

    def _left(self) -> str:
        """Stages with jobs that aren't done, and how many."""
        left = Counter(job.stage for job in self.jobs.values() if job.state != "done")
        return ", ".join(f"{stage} {left[stage]}" for stage in sorted(left, key=in_order))

    def status(self) -> str:
        """How far the run is: jobs done, work in progress, stages left."""
        parts: dict[str, list[float]] = {}  # done, of how many, seconds left
        within = 0.0
        for job in self.jobs.values():
            if job.state != "runs":
                continue
            done, total = job.told.get("n", 0), job.told.get("total") or 0
            within += done / total if total else 0
            known = parts.setdefault(job.name, [0, 0, 0.0])
            parts[job.name] = [known[0] + done, known[1] + total, max(known[2], job.told.get("left") or 0)]
        done = sum(job.state == "done" for job in self.jobs.values())
        filled = int(20 * (done + within) / max(len(self.jobs), 1))
        at_work = [
            name + (f" {n:.0f}/{total:.0f}" if total else "") + (f" ({duration(left)} left)" if left >= 1 else "")
            for name, (n, total, left) in parts.items()
        ]
        bar = f"[{'#' * filled}{'-' * (20 - filled)}] {done}/{len(self.jobs)}"
        return " | ".join([bar, *([", ".join(at_work)] if at_work else []), f"left: {self._left()}"])

    def _keep_drawing(self) -> None:
        assert self.lock is not None  # every handler has one
        while not self.ended.wait(REDRAW if self.terminal else REPEAT):
            with self.lock:
                if self.ended.is_set() or not self.draws:
                    continue
                for job in self.jobs.values():
                    if job.state == "runs":
                        self._look(job)
                if self.terminal:
                    self._draw()
                else:
                    self._line(self.status())

    def _draw(self) -> None:
        """Put the status on the terminal's last line, or take it away."""
        if self.terminal and (self.draws or self.drawn):
            self._write(progress.CLEAR + (self.status()[: self.width() - 1] if self.draws else ""))
            self.drawn = self.draws

    def _line(self, text: str) -> None:
        self._clear()
        self._write(f"{text}\n")

    def _clear(self) -> None:
        if self.drawn:
            self._write(progress.CLEAR)
            self.drawn = False

    def _write(self, text: str) -> None:
        self.screen.stream.write(text)
        self.screen.stream.flush()

    def _pass_on(self, record: logging.LogRecord) -> None:
        self._clear()
        self.screen.handle(record)

    def close(self) -> None:
        """Leave the terminal's line empty, and no files."""
        assert self.lock is not None  # every handler has one
        with self.lock:
            if not self.ended.is_set():
                self.ended.set()
                self._clear()
                if self.jobs:
                    progress.withdraw()
                self.screen.close()
        super().close()


def said_by_the_job(record: logging.LogRecord) -> bool:
    """Whether a record says no more than that a script ended with exit status 1: then its log has the reason, which the
    console shows; or by Ctrl-C. (Any other status, such as a kill's, is all that there is to know.)"""
    text = record.getMessage()
    return "CalledProcessError" in text and any(status in text for status in UNDERSTOOD)


def unquieten(handler: logging.Handler) -> None:
    """Let Snakemake's own handler say everything, whatever the profile is quiet about."""
    parts: list[Any] = [*handler.filters, handler.formatter]  # Snakemake's own, which are no types of ours
    for part in parts:
        if hasattr(part, "quiet"):
            part.quiet = set()


def watch(workflow: Any) -> None:
    """Take the place of Snakemake's console, unless the user wants that; to be called in the Snakefile.

    A dry run's screen stays Snakemake's, and so do the logs of a cluster's jobs.

    Args:
        workflow: Snakemake's.
    """
    logger = logging.getLogger("snakemake.logging")
    handlers = {handler.name: handler for handler in logger.handlers}
    screen, file = handlers.get("DefaultStreamHandler"), handlers.get("DefaultLogFileHandler")
    settings = workflow.output_settings
    if not isinstance(screen, logging.StreamHandler):  # a logger plugin writes to the screen
        return
    if workflow.subprocess_exec:
        if progress.offered():
            screen.addFilter(lambda record: not said_by_the_job(record))
        return
    if settings.verbose or {one.name for one in settings.quiet or ()} != QUIET:
        return
    if file is not None:
        unquieten(file)
    if settings.dryrun or workflow.remote_exec:
        unquieten(screen)
        return
    logger.removeHandler(screen)
    logger.addHandler(
        Console(
            screen,
            lambda: planned(workflow.dag),
            show_logs=settings.show_failed_logs,
            touches=lambda: workflow.touch,
        )
    )


def _tail(path: Path) -> list[str]:
    """The last lines of a job's log, without what is only for whoever reads that."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        return [line for line in lines if not line.startswith(progress.LOGGED)][-LINES:]
    except FileNotFoundError:
        return []


def _short(path: str) -> str:
    """Relative to the working directory, where it lies in it."""
    place = Path(path)
    return str(place.relative_to(Path.cwd())) if place.is_relative_to(Path.cwd()) else path
