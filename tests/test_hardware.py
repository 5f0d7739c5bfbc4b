"""Cores, memory, and how the machine names itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fresh import python

from ftkit import hardware


def _groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, membership: str, limits: dict[str, str]) -> None:
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "cgroup").write_text(membership)
    for name, text in limits.items():
        path = tmp_path / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(hardware, "PROC", tmp_path / "proc")
    monkeypatch.setattr(hardware, "CGROUP", tmp_path / "cgroup")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)


V1 = "4:memory:/job\n3:cpu,cpuacct:/job/step\n0::/\n"


@pytest.mark.parametrize(
    ("membership", "limits", "cores", "memory"),
    [
        ("0::/\n", {"cpu.max": "max 100000\n", "memory.max": "max\n"}, 16, None),
        ("0::/\n", {"cpu.max": "250000 100000\n", "memory.max": "1073741824\n"}, 2, 2**30),
        ("0::/\n", {"cpu.max": "50000 100000\n"}, 1, None),
        ("0::/a/b\n", {"a/cpu.max": "300000 100000", "a/b/cpu.max": "max 100000", "a/memory.max": "4096"}, 3, 4096),
        ("0::/on/the/host\n", {"cpu.max": "400000 100000"}, 4, None),
        (V1, {"cpu/job/cpu.cfs_quota_us": "600000", "cpu/job/cpu.cfs_period_us": "100000"}, 6, None),
        (V1, {"cpu,cpuacct/job/step/cpu.cfs_quota_us": "-1", "cpu/job/step/cpu.cfs_period_us": "100000"}, 16, None),
        (
            V1,
            {"memory/job/memory.limit_in_bytes": "2097152", "memory/memory.limit_in_bytes": str(2**63 - 4096)},
            16,
            2**21,
        ),
        ("", {}, 16, None),
        ("0::/\n", {"cpu.max": "nonsense", "memory.max": ""}, 16, None),
    ],
)
def test_limits_of_containers(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    membership: str,
    limits: dict[str, str],
    cores: int,
    memory: int | None,
) -> None:
    _groups(tmp_path, monkeypatch, membership, limits)
    assert hardware.processors() == cores
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert hardware.memory_limit() == (memory or physical)


STAT_2 = "anon 500000\nfile 100000\ninactive_file 50000\nactive_file 50000\n"
STAT_1 = "inactive_file 1\n\ntotal_inactive_file 70000\ntotal_active_file 9\n"
FULL = 2**63 - 4096  # what cgroup 1 says where there is no limit


@pytest.mark.parametrize(
    ("membership", "files", "free"),
    [
        ("0::/\n", {"memory.max": "1000000", "memory.current": "600000"}, 400000),
        ("0::/\n", {"memory.max": "1000000", "memory.current": "600000", "memory.stat": STAT_2}, 450000),
        ("0::/a/b\n", {"a/memory.max": "900", "a/memory.current": "800", "a/b/memory.max": "max"}, 100),
        ("0::/\n", {"memory.max": "max", "memory.current": "600000"}, 8 * 2**30),
        ("0::/\n", {"memory.max": "1000", "memory.current": "1500"}, 0),
        ("0::/\n", {"memory.max": "1000"}, 8 * 2**30),
        (
            V1,
            {
                "memory/job/memory.limit_in_bytes": "1000000",
                "memory/job/memory.usage_in_bytes": "600000",
                "memory/job/memory.stat": STAT_1,
                "memory/memory.limit_in_bytes": str(FULL),
                "memory/memory.usage_in_bytes": "900000",
            },
            470000,
        ),
        ("", {}, 8 * 2**30),
    ],
)
def test_free_memory_is_what_the_tightest_limit_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, membership: str, files: dict[str, str], free: int
) -> None:
    _groups(tmp_path, monkeypatch, membership, files)
    (tmp_path / "proc" / "meminfo").write_text("MemTotal: 16777216 kB\n\nMemAvailable:    8388608 kB\n")
    assert hardware.memory_free() == free


def test_free_memory_without_proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "PROC", tmp_path)
    monkeypatch.setattr(hardware, "memory_limit", lambda: 2**40)
    assert hardware.memory_used() == hardware.peak_memory()
    assert hardware.memory_free() == pytest.approx(2**40 - hardware.peak_memory(), abs=2**20)


@pytest.mark.parametrize("which", ["AS", "DATA"])
def test_limits_of_the_shell_count(which: str) -> None:
    code = (
        f"import resource; resource.setrlimit(resource.RLIMIT_{which}, (2**30, 2**30))\n"
        "from ftkit import hardware as e; before = e.memory_free(); block = bytearray(2**28)\n"
        "print(e.memory_limit(), before, before - e.memory_free())"
    )
    limit, free, taken = map(int, python(code).split())
    assert limit == 2**30
    assert 0 < free < limit
    assert taken == pytest.approx(2**28, rel=0.1)


def test_used_memory_follows_an_allocation() -> None:
    code = (
        "from ftkit.hardware import memory_used\n"
        "before = memory_used(); block = bytearray(64 * 2**20); block[::4096] = b'x' * len(block[::4096])\n"
        "after = memory_used(); del block; print(after - before, memory_used() - before)"
    )
    held, left = map(int, python(code).split())
    assert held > 60 * 2**20 and left < 10 * 2**20


def test_kills_are_counted_by_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"memory/job/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"}
    _groups(tmp_path, monkeypatch, V1, files | {"job/memory.events": "oom_kill 9"})
    first = hardware.memory_kills()
    assert first is not None and first[1] == 3
    assert hardware.memory_kills() == first
    (tmp_path / "cgroup/memory/job").rename(tmp_path / "gone")
    assert hardware.memory_kills() is None
    (tmp_path / "cgroup/memory/job").mkdir()
    (tmp_path / "cgroup/memory/job/memory.oom_control").write_text("oom_kill 3")
    again = hardware.memory_kills()
    assert again is not None and again[0] != first[0]  # another group of the same name


def test_affinity_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _groups(tmp_path, monkeypatch, "", {})
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    assert hardware.processors() == 1


@pytest.mark.parametrize(("value", "expected"), [("3", 3), ("4,2", 4), (" 2 ", 2), ("0", 16), ("many", 16), ("", 16)])
def test_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, expected: int) -> None:
    _groups(tmp_path, monkeypatch, "", {})
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert hardware.threads() == expected


def test_peak_memory_sees_an_allocation_and_no_parents() -> None:
    code = (
        "from ftkit.hardware import peak_memory\n"
        "before = peak_memory(); block = bytearray(64 * 2**20); block[::4096] = b'x' * len(block[::4096])\n"
        "after = peak_memory(); del block; print(before, after, peak_memory())"
    )
    before, after, later = map(int, python(code).split())
    assert 2**20 < before < 100 * 2**20
    assert after - before > 50 * 2**20
    assert later > 0.99 * after  # freeing does not lower it; the kernel counts to within a few pages


def test_peak_memory_without_proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "PROC", tmp_path)
    assert hardware.peak_memory() > 2**20


def test_machine_is_one_line() -> None:
    line = hardware.machine()
    assert "\n" not in line and f"of {os.cpu_count()} cores" in line and "GiB" in line


# ---- seeds ----


def test_device_summary() -> None:
    torch = pytest.importorskip("torch")
    found = hardware.device_summary()
    assert list(found) == ["device", "name", "count", "bf16", "memory_bytes"]
    assert found["device"] == ("cuda" if torch.cuda.is_available() else found["device"])
    assert found["count"] >= 1 and isinstance(found["bf16"], bool) and found["memory_bytes"] > 2**28
