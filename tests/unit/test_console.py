"""What a person is told of a run, from records like Snakemake's."""

import io
import json
import logging
import time
from types import SimpleNamespace

import pytest

from advxai.run import console, progress
from advxai.run.console import Console, watch
from advxai.run.tally import Job, duration, made, planned, plural

PLAN = {
    1: Job("corpus_media"),
    2: Job("faces_shard"),
    3: Job("faces_shard"),
    4: Job("saliency_shard", "LIME"),
    5: Job("saliency_shard", "SHAP"),
    6: Job("saliency_shard", "SHAP"),
    7: Job("tables_combined"),
}


class Screen(io.StringIO):
    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


OPENED: list[Console] = []


class Run:
    """A console of PLAN's jobs, and what Snakemake would say to it."""

    def __init__(self, terminal: bool = False, width: int = 200) -> None:
        self.screen = Screen(terminal)
        self.console = Console(
            logging.StreamHandler(self.screen),
            lambda: {number: Job(job.rule, job.row) for number, job in PLAN.items()},
            width=lambda: width,
        )
        OPENED.append(self.console)

    def say(self, text: str = "", level: int = logging.INFO, **said) -> None:
        record = logging.LogRecord("snakemake.logging", level, "", 0, text, (), None)
        record.__dict__ |= said
        self.console.handle(record)

    def begin(self) -> "Run":
        self.say("Workflow has started!", event="workflow_started")
        self.say("Building DAG of jobs...")
        self.say("Job stats: ...", event="run_info", stats={})
        return self

    def job(self, number: int) -> None:
        self.say("Select jobs to execute...")
        self.say("Execute 1 jobs...", event="job_started", jobs=[number])
        rule = PLAN[number].rule if number in PLAN else "all"
        self.say(
            f" Rule: {rule}", event="job_info", jobid=number, rule_name=rule, log=[f"{number}.log"], reason="Missing"
        )
        self.say("Shell command: None", event="shellcmd")

    def done(self, number: int, **told) -> None:
        if told:
            progress.place(f"{number}.log").write_text(json.dumps(told))
        self.say(f"Finished jobid: {number}", event="job_finished", job_id=number)
        self.say(event="progress", done=number, total=len(PLAN))

    def fail(self, number: int, **said) -> None:
        rule = PLAN[number].rule
        known = {"jobid": number, "rule_name": rule, "rule_msg": None, "log": [f"{number}.log"], "aux": {}}
        self.say(f"Error in rule {rule}", logging.ERROR, event="job_error", **known | said)

    @property
    def lines(self) -> list[str]:
        return self.screen.getvalue().splitlines()


@pytest.fixture(autouse=True)
def clock(tmp_path, monkeypatch):
    """Each test in a directory of its own; time stands still."""
    clock = Clock()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(console, "time", clock)
    monkeypatch.setattr(console, "REDRAW", 1e9)
    monkeypatch.setattr(console, "REPEAT", 1e9)
    yield clock
    while OPENED:
        OPENED.pop().close()  # or its thread would sleep on


def test_a_run_is_a_line_a_stage(clock, tmp_path):
    run = Run().begin()
    run.job(1)
    run.job(0)  # a rule that only collects is no job of the run
    clock.now += 2
    run.done(1)
    run.job(2)
    run.job(3)
    clock.now += 25
    run.done(2, n=40, total=40, unit="video", found=10, computed=30)
    run.done(3, n=1, total=1, unit="video", found=0, computed=1)
    for number in (4, 5, 6):
        run.job(number)
    clock.now += 70
    run.done(4, n=24, total=24, unit="image", found=0, computed=24)
    run.done(5, n=12, total=12, unit="image", found=12, computed=0)
    clock.now += 3600
    run.done(6, n=1188, total=1188, unit="image", found=0, computed=1188)
    run.job(7)
    run.done(7)
    run.done(0)
    run.say("Complete log(s): " + str(tmp_path / ".snakemake/log/x.log"))
    run.say("Elapsed time: 1:01:37")
    run.console.close()
    assert run.lines == [
        "7 jobs: corpus 1, faces 2, saliency 3, tables 1",
        "corpus begins: 1 job",
        "corpus done: 1 file fetched, 2 s; left: faces 2, saliency 3, tables 1",
        "faces begins: 2 jobs",
        "faces done: 31 videos cut out, 10 found, 25 s; left: saliency 3, tables 1",
        "saliency begins: 3 jobs",
        "saliency LIME: 24 images explained, 0 found, 1 min 10 s",
        # of both shards, one after another
        "saliency SHAP: 1,188 images explained, 12 found, 1 h 2 min",
        "saliency done: 1,212 images explained, 12 found, 1 h 1 min; left: tables 1",
        "tables begins: 1 job",
        "tables done: 1 job, 0 s",
        "Snakemake's log: .snakemake/log/x.log",
        "7 of 7 jobs done, 1 h 1 min",
    ]
    assert not progress.FOLDER.exists()


def test_what_is_left_and_how_far_it_is():
    run = Run().begin()
    run.job(1)
    run.done(1)
    for number in (2, 3, 5):
        run.job(number)
    for number, told in {
        2: {"n": 10, "total": 40, "left": 20.2},
        3: {"n": 20, "total": 20, "left": 0},
        5: {"n": 6, "total": 24},
    }.items():
        progress.place(f"{number}.log").write_text(json.dumps(told))
        run.console._look(run.console.jobs[number])
    # 1 job of 7 is done; those at work are worth 1/4 + 1 + 1/4 more: 20 * 2.5 / 7 = 7
    assert run.console.status() == (
        "[#######-------------] 1/7 | faces 30/60 (20 s left), saliency SHAP 6/24 | left: faces 2, saliency 3, tables 1"
    )


def test_a_file_gets_lines_and_no_carriage_returns(monkeypatch):
    monkeypatch.setattr(console, "REPEAT", 0.01)
    run = Run().begin()
    run.job(1)
    deadline = time.monotonic() + 60
    while len(run.lines) < 4 and time.monotonic() < deadline:  # the console's own thread writes it
        time.sleep(0.01)
    run.console.close()
    assert run.lines[3] == "[--------------------] 0/7 | corpus media | left: corpus 1, faces 2, saliency 3, tables 1"
    assert "\r" not in run.screen.getvalue() and "\x1b" not in run.screen.getvalue()


def test_a_terminal_s_last_line_is_drawn_over_and_left_empty():
    run = Run(terminal=True, width=31).begin()
    run.job(1)
    run.job(2)
    run.done(1)
    run.say("careful", logging.WARNING)
    run.console.close()
    clear = progress.CLEAR
    assert run.screen.getvalue().split("\n")[1:] == [
        "corpus begins: 1 job",
        "faces begins: 2 jobs",
        "corpus done: 1 file fetched, 0 s; left: faces 2, saliency 3, tables 1",
        f"{clear}[##------------------] 1/7 | f{clear}careful",  # the status, cut off, makes room for a message
        "",
    ]


def test_the_terminal_s_line_is_empty_before_the_last_words():
    """Those that the Snakefile prints itself."""
    run = Run(terminal=True).begin()
    for number in PLAN:
        run.job(number)
        run.done(number)
    assert run.screen.getvalue().endswith("tables done: 1 job, 0 s\n") and not run.console.draws


def test_a_failure_shows_the_message_once_and_where_it_is(tmp_path):
    run = Run().begin()
    run.job(4)
    (tmp_path / "4.log").write_text("LIME: something\nError: x.h5 is damaged: delete it and run again\n")
    exit_one = "RuleException:\nCalledProcessError in file x:\nCommand 'python x' returned non-zero exit status 1."
    run.say(exit_one, logging.ERROR, event="error")
    run.fail(4)
    run.say("Trying to restart job 4.")
    run.job(4)
    run.say(exit_one.replace("returned non-zero exit status 1.", "died with <Signals.SIGKILL: 9>."), logging.ERROR)
    (tmp_path / "4.log").write_text("")
    run.fail(4, rule_msg="the node has gone")
    run.say("Exiting because a job execution failed. Look above for error messages", logging.ERROR)
    run.say("Elapsed time: 0:00:10")
    assert run.lines[2:] == [
        "saliency LIME failed (rule saliency_shard, job 4)",
        "LIME: something",
        "Error: x.h5 is damaged: delete it and run again",
        "log: 4.log",
        "It is tried again.",
        "RuleException:",
        "CalledProcessError in file x:",
        "Command 'python x' died with <Signals.SIGKILL: 9>.",
        "Killed by SIGKILL, perhaps for lack of memory: lower detector.forward_batch, an explainer's gradient_batch or "
        "images_at_once, or give fewer --cores.",
        "saliency LIME failed (rule saliency_shard, job 4)",
        "the node has gone",
        "log: 4.log (empty: it was killed, perhaps for lack of memory, or see above)",
        "Exiting because a job execution failed. Look above for error messages",
        "0 of 7 jobs done, 0 s",
    ]


def test_ctrl_c_is_no_failure():
    run = Run().begin()
    run.job(4)
    run.say("Terminating processes on user request, this might take some time.")
    run.say("CalledProcessError: 'x' returned non-zero exit status 130.", logging.ERROR, event="error")
    run.fail(4)
    assert run.lines[2:] == [
        "Terminating processes on user request, this might take some time.",
        "saliency LIME stopped",
    ]


def test_nothing_to_do_is_one_line():
    run = Run()
    run.say("Assuming unrestricted shared filesystem usage.")
    run.say("Workflow has started!", event="workflow_started")
    run.say("Building DAG of jobs...")
    run.say("Nothing to be done (all requested files are present and up to date).")
    run.console.close()
    assert run.lines == ["Nothing to be done: all that was asked for is there and up to date."]
    assert not progress.FOLDER.exists()


def test_files_that_are_only_touched_are_left_to_snakemake_which_knows_it_by_then():
    run = Run()
    known = []
    run.console.touches = lambda: bool(known)
    run.say("Workflow has started!", event="workflow_started")
    known.append("touches")
    run.say("Job stats: ...", event="run_info", stats={})
    run.job(1)
    assert "Job stats: ..." in run.lines and "Select jobs to execute..." in run.lines
    assert not any("begins" in line for line in run.lines)


def test_what_is_no_run_is_left_to_snakemake():
    run = Run()
    run.say("Congratulations, your workflow is in a good condition!")
    assert run.lines == ["Congratulations, your workflow is in a good condition!"]


def test_words():
    assert [duration(seconds) for seconds in (0, 59.4, 59.6, 3599, 7380)] == [
        "0 s",
        "59 s",
        "1 min 0 s",
        "59 min 59 s",
        "2 h 3 min",
    ]
    assert (plural(1, "image"), plural(1070, "image")) == ("1 image", "1,070 images")
    figures = [Job("report_figure"), Job("report_nes"), Job("report_page"), Job("report_provenance")]
    assert made(figures) == "2 figures drawn, 1 page written"
    # the bar counts frames there, and images here
    assert made([Job("corpus_clip", told={"n": 210, "unit": "frame"})] * 2) == "2 clips made"
    assert made([Job("frames_lmdb", told={"n": 1070, "unit": "image"})]) == "1,070 images stored"
    listed = [Job("samples_list", told={"n": 30, "unit": "sample"})]
    assert made(listed) == "30 samples listed"  # what is found is what the store has
    # one of them couldn't tell: no number is better than half of it
    told = {"n": 3, "unit": "image", "found": 1, "computed": 2}
    assert made([Job("saliency_shard", told=told), Job("saliency_shard")]) == "2 jobs"
    assert made([Job("saliency_shard", told=told)] * 2) == "4 images explained, 2 found"


def test_the_plan_is_of_the_jobs_that_do_something():
    def job(rule: str, norun: bool = False, **wildcards: str) -> SimpleNamespace:
        return SimpleNamespace(rule=SimpleNamespace(name=rule), wildcards_dict=wildcards, is_norun=norun)

    jobs = [
        job("all", norun=True),
        job("saliency_shard", explainer="LIME", shard="0-of-1"),
        job("tables_explainer", explainer="LIME"),
    ]
    dag = SimpleNamespace(needrun_jobs=lambda: jobs, jobid=jobs.index)
    assert planned(dag) == {1: Job("saliency_shard", "LIME"), 2: Job("tables_explainer")}
    assert [one.name for one in planned(dag).values()] == ["saliency LIME", "tables explainer"]


def workflow(*quiet: str, **settings) -> SimpleNamespace:
    """As far as `watch` looks."""
    modes = {name: settings.pop(name, False) for name in ("subprocess_exec", "remote_exec")}
    given = {"dryrun": False, "verbose": False, "show_failed_logs": True} | settings
    return SimpleNamespace(output_settings=SimpleNamespace(quiet=set(map(Word, quiet)), **given), **modes)


class Word:
    """A member of Snakemake's enumeration."""

    def __init__(self, name: str) -> None:
        self.name = name


class Filter:
    def __init__(self) -> None:
        self.quiet = {"something"}

    def filter(self, record: logging.LogRecord) -> bool:
        return True


@pytest.fixture
def handlers():
    """Snakemake's logger, with its two handlers."""
    logger = logging.getLogger("snakemake.logging")
    before = logger.handlers[:]
    screen, file = logging.StreamHandler(Screen(False)), logging.StreamHandler(Screen(False))
    for name, handler in {"DefaultStreamHandler": screen, "DefaultLogFileHandler": file}.items():
        handler.name = name
        handler.addFilter(Filter())
    logger.handlers[:] = [screen, file]
    yield SimpleNamespace(logger=logger, screen=screen, file=file)
    logger.handlers[:] = before
    for handler in (screen, file):
        handler.close()


def test_the_console_takes_the_screen_and_the_log_gets_all(handlers):
    watch(workflow("RULES", "HOST"))
    file, ours = handlers.logger.handlers
    assert file is handlers.file and file.filters[0].quiet == set()
    assert isinstance(ours, Console) and ours.screen is handlers.screen and ours.show_logs
    ours.close()


@pytest.mark.parametrize(
    "asked",
    [workflow("HOST"), workflow("RULES", "PROGRESS"), workflow("ALL"), workflow("RULES", "HOST", verbose=True)],
    ids=["--quiet host", "--quiet", "--quiet all", "--verbose"],
)
def test_who_asks_gets_snakemake_s_own_console(handlers, asked):
    watch(asked)
    assert handlers.logger.handlers == [handlers.screen, handlers.file]
    assert handlers.screen.filters[0].quiet == handlers.file.filters[0].quiet == {"something"}


@pytest.mark.parametrize("mode", ["dryrun", "remote_exec"])
def test_a_dry_run_shows_its_jobs_and_a_cluster_s_log_has_its_own(handlers, mode):
    watch(workflow("RULES", "HOST", **{mode: True}))
    assert handlers.logger.handlers == [handlers.screen, handlers.file]
    assert handlers.screen.filters[0].quiet == set()


def test_a_job_s_process_leaves_the_failure_to_the_console(handlers, monkeypatch):
    def filters() -> int:
        watch(workflow("RULES", "HOST", "PROGRESS", subprocess_exec=True))
        assert handlers.logger.handlers == [handlers.screen, handlers.file]
        return len(handlers.screen.filters)

    monkeypatch.setenv(progress.NAME, "here:1")
    assert filters() == 1
    progress.offer()
    assert filters() == 2
    text = "CalledProcessError: 'x' returned non-zero exit status {}."
    shown = [
        handlers.screen.filter(logging.LogRecord("", logging.ERROR, "", 0, text.format(status), (), None))
        for status in (1, 137)
    ]
    assert [bool(one) for one in shown] == [False, True]
