"""Command lines and environments of runs: what is mounted, what is set, which limits hold.

Makes lists of words and tries them out; starting and watching a real run is ``child``'s.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.isolation.levels import Isolation, Level, fresh_user

GUARD = Path(__file__).with_name("guard.py")
PACKAGE = Path(__file__).resolve().parent.parent
TEMPORARY_BYTES = 1 << 30
TEMPORARY_BYTES_WITH_GPU = 16 << 30
"""Engines for GPUs compile into their temporary folder and share memory through /dev/shm."""
PROCESSES_WITH_GPU = 4096
SYSTEM_FOLDERS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
SYSTEM_FILES = (
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/alternatives",
    "/etc/localtime",
)
HARDWARE = ("/sys/devices/system/cpu", "/sys/devices/system/node")
GPU_NODES = ("/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset", "/dev/kfd")
GPU_FOLDERS = ("/dev/dri", "/dev/nvidia-caps")
PASSED_ON = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "TZ")
PASSED_ON_WITH_GPU = (
    "CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "LD_LIBRARY_PATH",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may use. Bytes and seconds; None means the default of the machine or no limit."""

    time_seconds: float = 6 * 3600
    stall_seconds: float = 900
    """Longest time without any progress; a wedged device still beats, so life alone does not count."""
    memory_bytes: int | None = None
    """Resident memory of all processes of the run. None: nine tenths of what is free at the start."""
    disk_bytes: int = 20 << 30
    """Size of the folder that it writes."""
    processes: int = 512
    """Processes and threads."""
    open_files: int = 4096
    log_bytes: int = 10 << 20
    """Kept of what it prints; the rest is read and dropped."""
    report_bytes: int = 50 << 20
    samples_bytes: int = 2 << 30
    grace_seconds: float = 10
    """Between a request to stop and the kill."""


@dataclass(frozen=True, slots=True)
class Places:
    """What a run sees: folders to read, the one folder to write, and whether it may use a GPU."""

    output: Path
    readable: tuple[Path, ...] = ()
    datasets: Path | None = None
    gpu: bool = False


def environment(
    places: Places, isolation: Isolation, extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The whole environment of a run: nothing of ours but a few named, harmless settings."""
    home = "/tmp" if isolation.level is Level.BUBBLEWRAP else str(places.output)  # noqa: S108
    passed = PASSED_ON + (PASSED_ON_WITH_GPU if places.gpu else ())
    made = {name: os.environ[name] for name in passed if name in os.environ}
    if not places.gpu:
        made["CUDA_VISIBLE_DEVICES"] = ""
    made |= {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": home,
        "TMPDIR": home,
        "USER": "run",
        "LOGNAME": "run",
        "PYTHONPATH": str(PACKAGE.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONNOUSERSITE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HOME": str(places.output / "cache" / "hub"),
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "ZOO_ISOLATION": isolation.label,
    }
    if places.datasets is not None:
        made["ZOO_DATASETS_DIR"] = str(places.datasets)
    return made | dict(extra or {})


def command(
    isolation: Isolation,
    inner: Sequence[str],
    *,
    places: Places,
    limits: Limits,
    variables: Mapping[str, str],
    user: int | None,
    own_limits: Mapping[str, int] | None = None,
) -> list[str]:
    """The words that start ``inner`` in this isolation. ``user`` is the numeric user, where one is used.

    ``own_limits`` replace limits of the kernel by name (CPU, AS, ...).

    To be started with an empty environment for bubblewrap (its first process keeps the one it was given)
    and with ``variables`` otherwise; with a pipe as standard input, whose closing means "the supervisor died".
    """
    plan = {
        "mode": "exec",
        "no_new_privileges": True,
        "sacrifice": True,
        "limits": resource_limits(limits, gpu=places.gpu) | dict(own_limits or {}),
        "user": user,
        "folder": str(places.output),
        "command": list(inner),
    }
    if isolation.level is not Level.BUBBLEWRAP:
        return guarded({**plan, "mode": "stay", "filter": "unix"})
    walls = bubblewrap(isolation, places, variables, user)
    walls += ["--", *guarded({**plan, "filter": "sockets"})]
    return guarded({"mode": "exec", "die_with": os.getpid(), "command": walls})


def guarded(plan: Mapping[str, object]) -> list[str]:
    """The words that start the guard with a plan."""
    return [sys.executable, "-I", "-S", str(GUARD), json.dumps(plan)]


def resource_limits(limits: Limits, *, gpu: bool) -> dict[str, int]:
    """Limits of the kernel, per process. The watchdog's limits on the whole come earlier and give reasons.

    Address space is far above memory: torch maps files and reserves much more than it uses, and a GPU
    driver reserves so much that no limit is set at all.
    """
    made = {
        "CORE": 0,
        "FSIZE": limits.disk_bytes,
        "NOFILE": limits.open_files,
        "NPROC": limits.processes,
        "CPU": int(limits.time_seconds * max(os.cpu_count() or 1, 1)) + 60,
    }
    if not gpu:
        made["AS"] = 4 * (limits.memory_bytes or 0) + (128 << 30)
    return made


def bubblewrap(
    isolation: Isolation, places: Places, variables: Mapping[str, str], user: int | None
) -> list[str]:
    """The bubblewrap command up to its ``--``."""
    assert isolation.bwrap is not None
    words = [isolation.bwrap, "--die-with-parent", "--new-session", "--clearenv", "--hostname", "run"]
    words += ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    words += ["--cap-drop", "ALL"]
    if user is None:
        words += ["--unshare-user", "--uid", "1000", "--gid", "1000"]
    else:
        # The guard inside needs these two to become the run's user; they are gone once it has.
        words += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    for name, value in variables.items():
        words += ["--setenv", name, value]
    words += ["--proc", "/proc", "--dev", "/dev"]
    size = str(TEMPORARY_BYTES_WITH_GPU if places.gpu else TEMPORARY_BYTES)
    for folder in ("/dev/shm", "/tmp"):  # noqa: S108
        words += ["--perms", "1777", "--size", size, "--tmpfs", folder]
    readable = _distinct([*_python_folders(), *places.readable, *_some(places.datasets)])
    words += list(_parents([*readable, places.output, *map(Path, (*SYSTEM_FILES, *HARDWARE))]))
    words += list(_system_mounts())
    if places.gpu:
        words += list(_gpu_mounts())
    for path in readable:
        words += ["--ro-bind", str(path), str(path)]
    words += ["--bind", str(places.output), str(places.output)]
    words += ["--remount-ro", "/dev", "--remount-ro", "/"]
    return words


def try_out(isolation: Isolation) -> bool:
    """Starts a Python that imports the contract and writes into its folder; True when it did."""
    with tempfile.TemporaryDirectory(prefix="zoo-try-") as folder:
        output = Path(folder).resolve() / "out"
        output.mkdir(mode=0o700)
        if isolation.level is not Level.BUBBLEWRAP:
            Path(folder).chmod(0o755)
        user = fresh_user() if isolation.other_user else None
        if user is not None:
            os.chown(output, user, user)
        places = Places(output)
        variables = environment(places, isolation)
        inner = [sys.executable, "-c", "import evaluation.contract; open('ok', 'w').close()"]
        words = command(isolation, inner, places=places, limits=Limits(), variables=variables, user=user)
        given = {} if isolation.level is Level.BUBBLEWRAP else variables
        if not _ends_well(words, given, output):
            return False
        return (output / "ok").is_file()


def _ends_well(words: Sequence[str], variables: Mapping[str, str], folder: Path) -> bool:
    """Runs the command with its standard input held open; True when it ends with 0 within 30 seconds."""
    nothing = subprocess.DEVNULL
    try:
        process = subprocess.Popen(
            words, env=dict(variables), cwd=folder, stdin=subprocess.PIPE, stdout=nothing, stderr=nothing
        )
    except OSError:
        return False
    with process:
        try:
            return process.wait(timeout=30) == 0
        except subprocess.TimeoutExpired:
            process.kill()
            return False


def _system_mounts() -> Iterator[str]:
    yield from ("--ro-bind", "/usr", "/usr")
    for name in SYSTEM_FOLDERS:
        folder = Path(name)
        if folder.is_symlink():
            yield from ("--symlink", str(folder.readlink()), name)
        elif folder.is_dir():
            yield from ("--ro-bind", name, name)
    for name in (*SYSTEM_FILES, *HARDWARE):
        yield from ("--ro-bind-try", name, name)


def _parents(paths: Sequence[Path]) -> Iterator[str]:
    """The folders on the way to the mounts, made passable: the run's user is not the one who makes them."""
    above = {parent for path in paths for parent in path.parents}
    for folder in sorted(above, key=lambda folder: len(folder.parts)):
        if len(folder.parts) > 1 and not folder.is_relative_to("/usr"):
            yield from ("--perms", "0755", "--dir", str(folder))


def _gpu_mounts() -> Iterator[str]:
    numbered = sorted(str(node) for node in Path("/dev").glob("nvidia[0-9]*"))
    for name in (*numbered, *GPU_NODES, *GPU_FOLDERS):
        yield from ("--dev-bind-try", name, name)
    yield from ("--ro-bind-try", "/sys", "/sys")


def _python_folders() -> list[Path]:
    paths = sysconfig.get_paths()
    named = [
        sys.prefix,
        sys.base_prefix,
        sys.exec_prefix,
        paths["purelib"],
        paths["platlib"],
        paths["stdlib"],
    ]
    real = Path(sys.executable).resolve().parent
    return [*(Path(name) for name in named), real, PACKAGE]


def _distinct(paths: Sequence[Path]) -> list[Path]:
    """The folders that exist, without those inside another one or inside /usr, which is mounted anyway."""
    kept: list[Path] = [Path("/usr")]
    for path in sorted(set(paths), key=lambda path: len(path.parts)):
        if path.exists() and not any(path.is_relative_to(above) for above in kept):
            kept.append(path)
    return kept[1:]


def _some(path: Path | None) -> list[Path]:
    return [path] if path is not None else []
