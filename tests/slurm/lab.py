"""A Slurm cluster of two pretended nodes on this machine, for the length of a test session.

Everything is private: its own munge key and socket, free ports of 127.0.0.1, one folder for configuration, state and
logs, no cgroups, no accounting. Whatever belongs to it carries its `SLURM_CONF` in the environment, also the jobs, and
is ended by that. A guard does so even if the tests are killed: it reads from a pipe that only they hold open.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

NODES = 2
CPUS = 4
"""Of each node, pretended."""
PROGRAMS = ("munged", "munge", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "squeue", "scancel", "sinfo")
SEARCH_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
FINISHED = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "BOOT_FAIL", "PREEMPTED"}


class Lab:
    """A running cluster; ended by `down`.

    Args:
        folder: an empty folder for everything that the cluster keeps.

    Raises:
        RuntimeError: it does not come up; with the last lines of its logs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.conf = folder / "slurm.conf"
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("SLURM_", "SBATCH_", "PMI_"))},
            "PATH": SEARCH_PATH,
            "SLURM_CONF": str(self.conf),
        }
        self._daemons: list[subprocess.Popen[bytes]] = []
        self._guard = subprocess.Popen(
            [sys.executable, __file__, str(folder)], stdin=subprocess.PIPE, start_new_session=True
        )
        try:
            self._up()
        except BaseException:
            self.down()
            raise

    def _up(self) -> None:
        folder = self.folder
        # munged refuses a socket in a folder that others cannot enter, and a key that others can read.
        for name, mode in {"munge": 0o700, "socket": 0o755, "state": 0o755, "spool": 0o755, "log": 0o755}.items():
            (folder / name).mkdir(mode)
        folder.chmod(0o755)
        key = folder / "munge" / "key"
        key.touch(0o600)
        key.write_bytes(os.urandom(1024))
        munge = folder / "socket" / "munge"
        self.conf.write_text(slurm_conf(folder, munge, free_ports(NODES + 1)))
        (folder / "cgroup.conf").write_text("CgroupPlugin=disabled\n" if slurm_version() >= (23, 11) else "")

        self._start(
            *("munged", "--foreground", f"--key-file={key}", f"--socket={munge}", f"--pid-file={folder}/munge/pid"),
            *(f"--seed-file={folder}/munge/seed", f"--log-file={folder}/log/munged"),
        )
        self._wait_for("munge", lambda: self._succeeds("munge", f"--socket={munge}", "--no-input"))
        self._start("slurmctld", "-D", "-f", str(self.conf))
        self._wait_for("slurmctld", lambda: self._succeeds("scontrol", "ping"))
        for number in range(1, NODES + 1):
            self._start("slurmd", "-D", "-f", str(self.conf), "-N", f"n{number}")
        self._wait_for(
            "the nodes", lambda: self.ask("sinfo", "-hN", "-p", "main", "-o", "%T").split() == ["idle"] * NODES
        )

    def _start(self, *command: str) -> None:
        log = self.folder / "log" / f"{command[0]}-{len(self._daemons)}.out"
        with log.open("wb") as out:
            daemon = subprocess.Popen(
                command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,  # Ctrl-C is for the tests, which then end the cluster in good order
            )
        self._daemons.append(daemon)

    def _succeeds(self, *command: str) -> bool:
        return subprocess.run(command, env=self.environment, capture_output=True, check=False).returncode == 0

    def _wait_for(self, what: str, is_there: Callable[[], bool]) -> None:
        try:
            wait_until(is_there, what, seconds=30)
        except TimeoutError as error:
            logs = (path for path in sorted((self.folder / "log").iterdir()) if path.stat().st_size)
            tails = [f"--- {path.name}\n" + "\n".join(path.read_text().splitlines()[-10:]) for path in logs]
            raise RuntimeError("\n".join([str(error), *tails])) from None

    def down(self) -> None:
        """End everything that belongs to the cluster, and remove its folder; harmless when done twice."""
        self._guard.communicate()
        for daemon in self._daemons:
            daemon.wait()

    def ask(self, *command: str, cwd: Path | None = None, **environment: str) -> str:
        """What a command of Slurm prints.

        Raises:
            subprocess.CalledProcessError: it fails; what it complained about is in its output.
        """
        return subprocess.run(
            command,
            cwd=cwd,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        ).stdout.strip()

    def job(self, number: str) -> dict[str, str]:
        """What Slurm says of a job, word by word: `JobState`, `Restarts`, `ExitCode`, ..."""
        shown = self.ask("scontrol", "--oneliner", "show", "job", number)
        return dict(word.partition("=")[::2] for word in shown.split() if "=" in word)

    def wait(self, number: str, seconds: float = 300) -> dict[str, str]:
        """What Slurm says of a job when it is over.

        Raises:
            TimeoutError: it is not.
        """
        wait_until(lambda: self.job(number)["JobState"] in FINISHED, f"job {number} to end", seconds=seconds)
        return self.job(number)


def slurm_conf(folder: Path, munge: Path, ports: Sequence[int]) -> str:
    """The configuration of the cluster: slurm.conf."""
    host, user = socket.gethostname().partition(".")[0], _user()
    # Known only where the host's name means this machine's loopback; elsewhere they listen on what it means.
    loopback_only = "CommunicationParameters=NoInAddrAny,NoCtldInAddrAny" if _is_loopback(host) else ""
    nodes = "\n".join(
        f"NodeName=n{number} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={CPUS} RealMemory=8192"
        for number, port in enumerate(ports[1:], start=1)
    )
    return f"""\
ClusterName=lab
SlurmctldHost={host}(127.0.0.1)
FirstJobId={random.randrange(1_000_000, 60_000_000)}
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
# cred_expire: also how long a requeued job waits before it starts again (120 s unless said otherwise)
AuthInfo=socket={munge},cred_expire=5
{loopback_only}
SlurmctldPidFile={folder}/state/slurmctld.pid
SlurmctldLogFile={folder}/log/slurmctld
StateSaveLocation={folder}/state
SlurmdPidFile={folder}/state/slurmd-%n.pid
SlurmdLogFile={folder}/log/slurmd-%n
SlurmdSpoolDir={folder}/spool/%n
# nothing that needs cgroups or capabilities
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
MpiDefault=none
# more CPUs than there are
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
# quick to react
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=2,batch_sched_delay=0,sched_min_interval=1
KillWait=5
MinJobAge=3600
ReturnToService=2
InactiveLimit=0
AccountingStorageType=accounting_storage/none
MailProg=/bin/true
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=1-00:00:00 DefaultTime=10 State=UP OverSubscribe=NO
PartitionName=short Nodes=n1 MaxTime=30 State=UP OverSubscribe=NO
"""


def missing_programs() -> list[str]:
    """What a cluster needs and this machine lacks."""
    return [name for name in PROGRAMS if shutil.which(name, path=SEARCH_PATH) is None]


def slurm_version() -> tuple[int, ...]:
    """For instance `(22, 5)`."""
    program = shutil.which("slurmctld", path=SEARCH_PATH) or "slurmctld"
    said = subprocess.run([program, "-V"], capture_output=True, text=True, check=True).stdout
    return tuple(int(part) for part in said.split()[-1].split(".")[:2])


def free_ports(number: int) -> list[int]:
    """TCP ports of 127.0.0.1 that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def wait_until(happens: Callable[[], bool], what: str, *, seconds: float) -> None:
    """Look again and again.

    Raises:
        TimeoutError: it has not happened after so many seconds.
    """
    end = time.monotonic() + seconds
    while not happens():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(0.2)


def processes(folder: Path, **also: str) -> Iterator[int]:
    """Processes of a cluster, those of its jobs too.

    Args:
        folder: the cluster's.
        also: further variables that their environment must hold.
    """
    wanted = {f"{key}={value}".encode() for key, value in {"SLURM_CONF": f"{folder}/slurm.conf", **also}.items()}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and wanted <= set((entry / "environ").read_bytes().split(b"\0")):
                yield int(entry.name)


def sweep(folder: Path) -> None:
    """End every process of a cluster, and remove its folder."""
    # Nodes first, with no chance to answer: what they left running is found by its environment, not by asking them.
    end = time.monotonic() + 20
    while (left := list(processes(folder))) and time.monotonic() < end:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def lab() -> Iterator[Lab]:
    """A cluster for as long as the block runs."""
    # A short path: the names of Unix sockets may have 108 bytes.
    cluster = Lab(Path(tempfile.mkdtemp(prefix="evo-hns-slurm-")))
    try:
        yield cluster
    finally:
        cluster.down()


def _user() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


def _is_loopback(host: str) -> bool:
    try:
        return socket.gethostbyname(host).startswith("127.")
    except OSError:
        return False


if __name__ == "__main__":  # the guard
    sys.stdin.read()  # ends when the tests close the pipe, or die
    sweep(Path(sys.argv[1]))
