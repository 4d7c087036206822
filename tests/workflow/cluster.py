"""A Slurm of one node in a scratch folder: munged, slurmctld and slurmd of this user's on the loopback interface.

Nothing of the machine is touched: ports, keys, state and configuration are the cluster's own, and only processes that
it has started are ended. It has neither cgroups nor accounting, which not every machine allows, so states come from
squeue. Its two GPUs are links to /dev/null: enough for Slurm to hand them out.
"""

import getpass
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.patience import PATIENCE

NODE = "node"
NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "sinfo")
PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])  # where Debian puts daemons
START = 60.0 * PATIENCE  # seconds that the daemons get
# Fields of a job that squeue is asked for; the comment says rule and wildcards
FIELDS = {"number": "%i", "comment": "%k", "node": "%N", "state": "%T", "time": "%M", "memory": "%m", "limit": "%l"}

SLURM_CONF = """\
ClusterName=scratch
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
# on the loopback interface alone
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
MailProg=/bin/true
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=1
KillWait=5
MinJobAge=3600
# the node as it is said here, whatever the machine has
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} Gres=gpu:{gpus}
PartitionName=main Nodes={node} Default=YES State=UP MaxTime=INFINITE
"""


def lacking() -> list[str]:
    """Programs that a cluster needs and this machine hasn't."""
    return [name for name in NEEDED if shutil.which(name, path=PATH) is None]


@dataclass(frozen=True)
class Job:
    """A job as squeue tells of it; every field is its text."""

    number: str
    comment: str
    node: str
    state: str
    time: str
    memory: str
    limit: str


class Cluster:
    """A running cluster, for the time of a `with` block.

    Args:
        cpus, memory, gpus: of the node; memory in MB.

    Attributes:
        environment: variables by which Slurm's programs find the cluster.
    """

    def __init__(self, cpus: int = 2, memory: int = 16000, gpus: int = 2) -> None:
        # short, since a socket's path may have some hundred characters; open to look-ups, as munged wants it
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
        self.folder.chmod(0o711)
        self._daemons: list[subprocess.Popen] = []
        self.environment = {
            "SLURM_CONF": str(self.folder / "slurm.conf"),
            "PATH": os.pathsep.join([str(self.folder / "bin"), PATH]),
        }
        self._configure(cpus, memory, gpus)

    def _configure(self, cpus: int, memory: int, gpus: int) -> None:
        for name in ("state", "spool", "bin"):
            (self.folder / name).mkdir()
        controller_port, node_port = _free_ports(2)
        conf = SLURM_CONF.format(
            host=socket.gethostname().partition(".")[0],
            user=getpass.getuser(),
            folder=self.folder,
            node=NODE,
            controller_port=controller_port,
            node_port=node_port,
            cpus=cpus,
            memory=memory,
            gpus=gpus,
        )
        (self.folder / "slurm.conf").write_text(conf)
        devices = [self.folder / f"gpu{number}" for number in range(gpus)]
        for device in devices:
            device.symlink_to("/dev/null")
        lines = [f"NodeName={NODE} Name=gpu File={device}" for device in devices]
        (self.folder / "gres.conf").write_text("\n".join(["AutoDetect=off", *lines]) + "\n")
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        # The executor's jobs call srun without any SLURM_ variable, also the one that says where the cluster is.
        srun = self.folder / "bin" / "srun"
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={self.folder}/slurm.conf exec {shutil.which("srun", path=PATH)} "$@"\n')
        srun.chmod(0o755)

    def __enter__(self) -> Self:
        try:
            at = {name: f"--{name}-file={self.folder}/munge.{name}" for name in ("key", "log", "pid", "seed")}
            self._start("munged", "--foreground", f"--socket={self.folder}/munge.socket", *at.values())
            self._wait((self.folder / "munge.socket").exists)
            self._start("slurmctld", "-D")
            self._start("slurmd", "-D", "-N", NODE)
            self._wait(lambda: "idle" in self.ask("sinfo", "--noheader", "--format=%t", check=False))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if len(self._daemons) == 3:
            self.ask("scancel", f"--user={getpass.getuser()}", check=False)
            deadline = time.monotonic() + 20 * PATIENCE
            while self.ask("squeue", "--noheader", check=False).strip() and time.monotonic() < deadline:
                time.sleep(0.2)
        for daemon in reversed(self._daemons):
            daemon.terminate()
            try:
                daemon.wait(20 * PATIENCE)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self, *command: str) -> None:
        with open(self.folder / f"{command[0]}.out", "w") as out:
            self._daemons.append(
                subprocess.Popen(
                    command,
                    env=os.environ | self.environment,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )

    def _wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START
        while not condition():
            ended = [daemon.args for daemon in self._daemons if daemon.poll() is not None]
            if ended or time.monotonic() > deadline:
                said = "\n".join(f"{path.name}:\n{path.read_text()[-2000:]}" for path in self.folder.glob("*.out"))
                raise RuntimeError(f"the cluster doesn't start ({ended or 'no answer'}):\n{said}")
            time.sleep(0.1)

    def ask(self, *command: str, check: bool = True) -> str:
        """What one of Slurm's programs prints."""
        done = subprocess.run(
            command,
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            timeout=60 * PATIENCE,
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr
        return done.stdout

    def jobs(self, rule: str = "") -> list[Job]:
        """All jobs, the ended ones too, in the order of their submission; of one rule if it is given."""
        listed = self.ask("squeue", "--states=all", "--noheader", "--sort=i", "--format=" + "|".join(FIELDS.values()))
        jobs = [Job(*line.split("|")) for line in listed.splitlines()]
        return [job for job in jobs if not rule or job.comment.startswith((f"rule_{rule}", f"group_{rule}"))]


def _free_ports(number: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(closing(socket.socket())) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
