"""How the processor is put to use: threads, the library behind matrix products, and the kernel of attention."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar

import torch

from ftkit import hardware

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

P = ParamSpec("P")
R = TypeVar("R")

CPUS = Path("/sys/devices/system/cpu")
ONEDNN = "medium"
"""PyTorch's name for: float32 products may be computed in bf16 where that is fast, which is asked of oneDNN"""
NARROW = 192
"""numbers of a state: below it one thread is up to twice as fast as two that sleep between products, and on no batch
of texts or windows much slower"""
_processes = 1
SHORT = 256  # positions up to which attention by plain products is the faster one, and its scores no burden


def threads(wanted: int | Literal["auto"], width: int | None = None) -> int:
    """Threads of arithmetic where a recipe says so many, or `auto`: OMP_NUM_THREADS, else one for each core.

    Two hardware threads of one core share its arithmetic units, so they count once. A model whose states are narrower
    than `NARROW` has one thread: its products are over before a second one has woken up. How busy the machine is does
    not count: equal runs must compute with equally many.
    """
    if wanted != "auto":
        return wanted
    if width is not None and width < NARROW:
        return 1
    return hardware.threads() if os.environ.get("OMP_NUM_THREADS") else min(hardware.processors(), _cores())


def _cores() -> int:
    """Cores behind the hardware threads that this process may run on."""
    mine = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    siblings = [CPUS / f"cpu{number}" / "topology" / "thread_siblings_list" for number in mine]
    return len({path.read_text() if path.exists() else path for path in siblings})


def processes() -> int:
    """How many processes work may be shared out to that needs not be done in turn."""
    return _processes


@contextmanager
def used(
    wanted: int | Literal["auto"], width: int | None = None, processes: int | Literal["auto"] | None = None
) -> Iterator[None]:
    """Compute with so many threads, and with the faster library for matrix products, until the block ends.

    `width` is that of the model's states. `processes`: where work is shared out to processes, to how many; None: to as
    many as there are threads.
    """
    global _processes
    before = torch.get_num_threads(), torch.get_float32_matmul_precision(), _processes
    torch.set_num_threads(threads(wanted, width))
    _processes = torch.get_num_threads() if processes is None else threads(processes)
    if _onednn_pays():
        torch.set_float32_matmul_precision(ONEDNN)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.set_float32_matmul_precision(before[1])
        _processes = before[2]


def unshared(work: Callable[P, R]) -> Callable[P, R]:
    """The same function with numpy's and scipy's products on one thread; those of torch are untouched.

    For many products of a few dozen columns: two threads that share each take up to three times as long as one.
    """

    @wraps(work)
    def done(*args: P.args, **kwargs: P.kwargs) -> R:
        with _blas().limit(limits=1, user_api="blas"):
            return work(*args, **kwargs)

    return done


@cache
def _blas() -> ThreadpoolController:
    import scipy.optimize  # noqa: F401  # it brings a library of its own, which is only found once it is loaded
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def attention(positions: int | None) -> AbstractContextManager[Any]:
    """For a forward pass over rows of so many positions: the kernel of attention that is fastest for them.

    On CPUs PyTorch's fused kernel gives oneDNN every head of every row by itself, and in bf16 every
    part of its backward pass: for 64 rows of 16 positions and 12 heads that takes 39 ms, where plain
    products over all heads at once take 3.
    """
    asked = torch.get_float32_matmul_precision() == ONEDNN and not torch.cuda.is_available()
    onednn = asked or torch.is_autocast_enabled("cpu")
    if positions is None or positions > SHORT or not onednn:
        return nullcontext()
    from torch.nn.attention import SDPBackend, sdpa_kernel

    return sdpa_kernel(SDPBackend.MATH)


@cache
def _onednn_pays() -> bool:
    """Whether float32 products are to be oneDNN's instead of MKL's.

    MKL takes its AVX2 path on processors that are not Intel's, oneDNN takes AVX-512 wherever there is
    any: 230 instead of 100 GFLOP/s a thread on Zen 5. PyTorch's way to ask for oneDNN is the permission
    to compute in bf16, which oneDNN only makes use of where there are AMX units: no AMD processor has
    any, and the outcome is checked. It is a fact of the processor and no timing, so that equal runs
    give equal bits.
    """
    amd = hardware.cpuinfo("vendor_id") == "AuthenticAMD"
    wide = torch.backends.cpu.get_cpu_capability() == "AVX512"
    return amd and wide and not torch.cuda.is_available() and _exact()


def _exact() -> bool:
    """Whether products with that permission are as exact as float32 is; in bf16 they are 1,000 times less so."""
    before, random = torch.get_float32_matmul_precision(), torch.Generator().manual_seed(0)
    torch.set_float32_matmul_precision(ONEDNN)
    try:
        for rows, inner, columns in ((32, 384, 77), (200, 768, 512)):
            one = torch.randn(rows, inner, generator=random)
            other = torch.randn(inner, columns, generator=random)
            true = one.double() @ other.double()
            if float((one @ other - true).abs().max() / true.abs().max()) > 1e-5:
                return False
        return True
    finally:
        torch.set_float32_matmul_precision(before)
