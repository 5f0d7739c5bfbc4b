"""What a run computes on: cores and memory that this process may use, and how the machine names itself.

Limits are those of the machine, of the container and of the shell, whichever binds first.
"""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

CGROUP = Path("/sys/fs/cgroup")
PROC = Path("/proc")
_sharers = 1
_beside = 0
"""bytes that processes which this one has forked have held at most beside its own"""


def processors() -> int:
    """Cores that this process may use: its affinity, within the container's quota."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for folder in _cgroups("cpu"):
        quota, period = _quota(folder)
        if quota > 0 and period > 0:
            count = min(count, int(quota / period))
    return max(count, 1)


def threads() -> int:
    """Threads that OpenMP will start: OMP_NUM_THREADS, else the cores of this process."""
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()  # "4,2" is a count for each nesting level
    return int(first) if first.isdigit() and int(first) > 0 else processors()


def memory_limit() -> int:
    """Bytes that this process may use: the machine's memory, within the limits of its container and its shell."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), *(limit for limit, _ in _ulimits())]
    for folder in _cgroups("memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):  # cgroup 2, cgroup 1
            limits += _numbers(folder / name)[:1]
    return min(limit for limit in limits if limit > 0)


def memory_used() -> int:
    """Bytes that this process holds in memory now; its peak where the system does not tell."""
    return _size(PROC / "self" / "status", "VmRSS:") or peak_memory()


def memory_free() -> int:
    """Bytes that this process may still take, beside all that others hold of the same machine and container."""
    free = [_size(PROC / "meminfo", "MemAvailable:") or max(0, memory_limit() - memory_used())]
    free += [limit - _size(PROC / "self" / "status", held) for limit, held in _ulimits()]
    for folder in _cgroups("memory"):
        for most, held, cache in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            for limit, usage in zip(_numbers(folder / most)[:1], _numbers(folder / held)[:1], strict=False):
                free.append(limit - usage + _size(folder / "memory.stat", cache))  # files not used of late give way
    return max(0, min(free)) // _sharers


def share(sharers: int) -> None:
    """Count from here on as one of so many processes that take what is free between them, and count by itself."""
    global _sharers, _beside
    _sharers, _beside = sharers, 0


def sharers() -> int:
    """How many processes take what is free between them, with this one."""
    return _sharers


def beside(size: int) -> None:
    """Count bytes that forked processes hold into `peak_memory`."""
    global _beside
    _beside = max(_beside, size)


def memory_kills() -> tuple[str, int] | None:
    """A name of this process's control group that no other ever has, and its count of kills for want of memory."""
    for folder in _cgroups("memory"):
        for name in ("memory.events", "memory.oom_control"):  # cgroup 2, cgroup 1
            if kills := _field(folder / name, "oom_kill"):
                about, boot = folder.stat(), _text(PROC / "sys" / "kernel" / "random" / "boot_id").strip()
                return f"{boot} {about.st_dev} {about.st_ino}", int(kills)
    return None


def peak_memory() -> int:
    """Most bytes that this process, and those that it has forked, have held in memory so far."""
    # VmHWM starts at zero with the program; ru_maxrss is inherited from whoever started it
    if peak := _size(PROC / "self" / "status", "VmHWM:"):
        return peak + _beside
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def forget_peak_memory() -> None:
    """Let `peak_memory` count from here on; where the system cannot do that, it stays that of the whole process."""
    global _beside
    _beside = 0
    with contextlib.suppress(OSError):
        (PROC / "self" / "clear_refs").write_text("5", encoding="ascii")


def _cgroups(controller: str) -> Iterator[Path]:
    """Folders whose limits bind this process: its own group and all above it, of either cgroup version."""
    for line in _text(PROC / "self" / "cgroup").splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0":
            mounts = [CGROUP, CGROUP / "unified"]
        elif controller in controllers.split(","):
            mounts = [CGROUP / controller, CGROUP / controllers]
        else:
            continue
        own = Path(path.lstrip("/"))
        # inside a container the path may name a folder of the host; the mount is then its own group
        yield from (mount / folder for mount in mounts for folder in (own, *own.parents))


def _quota(folder: Path) -> tuple[int, int]:
    """CPU time and the period in which it may be used, in microseconds; zeros where there is no limit."""
    both = _numbers(folder / "cpu.max")  # cgroup 2: "200000 100000", or "max 100000"
    if len(both) == 2:
        return both[0], both[1]
    quota, period = _numbers(folder / "cpu.cfs_quota_us"), _numbers(folder / "cpu.cfs_period_us")
    return (quota[0], period[0]) if quota and period else (0, 0)


def _ulimits() -> list[tuple[int, str]]:
    """Limits set by the shell (`ulimit -v`, `-d`), each with the line of /proc/self/status that counts towards it."""
    import resource

    both = ((resource.RLIMIT_AS, "VmSize:"), (resource.RLIMIT_DATA, "VmData:"))
    return [(limit, held) for which, held in both if (limit := resource.getrlimit(which)[0]) > 0]


def _field(path: Path, name: str) -> str:
    """What follows a name at the start of a line; empty where no line begins so."""
    lines = (line.split(None, 1) for line in _text(path).splitlines())
    return next((words[1] for words in lines if len(words) == 2 and words[0] == name), "")


def _size(path: Path, name: str) -> int:
    """Bytes of a line such as `VmRSS: 1024 kB` or `inactive_file 4096`; 0 where there is none."""
    number, _, unit = _field(path, name).partition(" ")
    return int(number or 0) * (1024 if unit.strip() == "kB" else 1)


def _numbers(path: Path) -> list[int]:
    return [int(word) for word in _text(path).split() if word.lstrip("-").isdigit()]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # not Linux, or not this kind of container
        return ""


def processor() -> str:
    """Its model, as the machine names it."""
    return cpuinfo("model name") or platform.processor() or platform.machine()


def machine(card: str = "") -> str:
    """One line for a report: the card that computed, processor, usable cores, memory, operating system."""
    cores = f"{processors()} of {os.cpu_count()} cores"
    parts = (card, processor(), cores, f"{memory_limit() / 2**30:.1f} GiB", f"{platform.system()} {platform.machine()}")
    return ", ".join(filter(None, parts))


def cpuinfo(key: str) -> str:
    """What Linux says of the first processor, such as `model name`; empty where it does not."""
    lines = _text(PROC / "cpuinfo").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")


def card(device: torch.device) -> str:
    """The name of a GPU; empty for any other device."""
    import torch

    return torch.cuda.get_device_name(device) if device.type == "cuda" else ""


def device_summary() -> dict[str, Any]:
    """What torch computes on here: device, name, count, bfloat16 in hardware, memory in bytes. Loads torch."""
    import torch

    if not torch.accelerator.is_available():
        native = bool({"avx512_bf16", "amx_bf16"} & set(cpuinfo("flags").split()))
        return {"device": "cpu", "name": machine(), "count": 1, "bf16": native, "memory_bytes": memory_limit()}
    kind = torch.accelerator.current_accelerator()
    device = kind.type if kind else "cpu"
    count = torch.accelerator.device_count()
    if device != "cuda":
        return {"device": device, "name": machine(), "count": count, "bf16": False, "memory_bytes": memory_limit()}
    card = torch.cuda.get_device_properties(0)
    native = torch.cuda.is_bf16_supported(including_emulation=False)
    return {"device": device, "name": card.name, "count": count, "bf16": native, "memory_bytes": card.total_memory}
