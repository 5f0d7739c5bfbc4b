"""How the processor is put to use: threads, the library behind matrix products, and the kernel of attention."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any, Literal

import torch

from ftkit import environment

SHORT = 256  # positions up to which attention by plain products is faster, and its (positions × positions) bearable
CPUS = Path("/sys/devices/system/cpu")


def threads(wanted: int | Literal["auto"]) -> int:
    """Threads of arithmetic where a recipe says so many, or `auto`: OMP_NUM_THREADS, else one a core.

    Two hardware threads of one core share its arithmetic units: counted twice they only wait for each
    other. How busy the machine is does not count, because equal runs must compute with equally many.
    """
    if wanted != "auto":
        return wanted
    return environment.threads() if os.environ.get("OMP_NUM_THREADS") else min(environment.processors(), _cores())


def _cores() -> int:
    """Cores behind the hardware threads that this process may run on."""
    mine = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    siblings = [CPUS / f"cpu{number}" / "topology" / "thread_siblings_list" for number in mine]
    return len({path.read_text() if path.exists() else path for path in siblings})


@contextmanager
def used(count: int) -> Iterator[None]:
    """Compute with so many threads, and with the faster library for matrix products, until the block ends."""
    before = torch.get_num_threads()
    matmul = _switch()
    library = matmul and matmul.fp32_precision
    torch.set_num_threads(count)
    if matmul is not None and _onednn_pays():
        matmul.fp32_precision = "bf16"
    try:
        yield
    finally:
        torch.set_num_threads(before)
        if matmul is not None:
            matmul.fp32_precision = library


def attention(positions: int) -> AbstractContextManager[Any]:
    """For a forward pass over rows of so many positions: the kernel of attention that is fastest for them.

    On CPUs, PyTorch's fused kernel hands oneDNN each head of each row by itself, and with bf16 each
    part of its backward pass as well: on rows of 16 positions that takes 14 times as long as one
    product over all heads (39 ms against 3 for 64 rows of 12 heads).
    """
    matmul = _switch()
    onednn = torch.is_autocast_enabled("cpu") or (matmul is not None and matmul.fp32_precision == "bf16")
    if not onednn or positions > SHORT:
        return nullcontext()
    from torch.nn.attention import SDPBackend, sdpa_kernel

    return sdpa_kernel(SDPBackend.MATH)


def _switch() -> Any:
    """PyTorch's setting of how float32 products may be computed; None where this version has none."""
    matmul = getattr(torch.backends.mkldnn, "matmul", None)
    return matmul if hasattr(matmul, "fp32_precision") else None


@cache
def _onednn_pays() -> bool:
    """Whether float32 products are to go to oneDNN instead of MKL.

    MKL takes its AVX2 path on processors that are not Intel's; oneDNN uses AVX-512 wherever there is
    any (Zen 5: 230 instead of 100 GFLOP/s a thread). The way to it is the permission to compute in
    bf16, which oneDNN only makes use of where there are AMX units. It is a fact of the processor
    and not a timing, so that equal runs give equal bits; and it is checked, not believed.
    """
    amd = environment.cpuinfo("vendor_id") == "AuthenticAMD"
    return amd and torch.backends.cpu.get_cpu_capability() == "AVX512" and _exact()


def _exact() -> bool:
    """Whether products with that permission are as exact as float32 is; in bf16 they would be 1,000 times worse."""
    matmul, random = _switch(), torch.Generator().manual_seed(0)
    before = matmul.fp32_precision
    matmul.fp32_precision = "bf16"
    try:
        for rows, inner, columns in ((32, 384, 77), (200, 768, 512)):
            one = torch.randn(rows, inner, generator=random)
            other = torch.randn(inner, columns, generator=random)
            true = one.double() @ other.double()
            if float((one @ other - true).abs().max() / true.abs().max()) > 1e-5:
                return False
        return True
    finally:
        matmul.fp32_precision = before
