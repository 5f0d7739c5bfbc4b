"""How much memory rows take in the network, how much there is, and passes without gradients that stay within it."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ftkit import hardware
from ftkit.console import console
from ftkit.errors import FtkitError, out_of_memory
from ftkit.features.network import Network

if TYPE_CHECKING:
    from ftkit.features.examples import Examples

SHARE = 0.8  # of what the process may use; the rest is for what cannot be foreseen
SLACK = 1.6  # bytes taken from the system for each byte of tensors: the heap has gaps (measured: 1.2 to 1.9)
ROWS, TOKENS = 64, 512  # of a batch that the base only reads; more saves nothing, and fills up worse
FEWEST = 16  # positions of a pass; a product of one or two rows is computed in another way than one of many
ALIKE = 8  # rows of a pass where all are of one length
SMALLER = "a smaller --set task.max_length, a method that trains fewer layers, or a smaller --base"


@dataclass(frozen=True)
class Need:
    """Bytes that a pass takes beside what stands in memory already, from passes of one row and of two."""

    one: int
    another: int
    """for each further row as long"""

    def of(self, rows: int) -> int:
        """For so many rows."""
        return int(SLACK * (self.one + (rows - 1) * self.another))


def need(trial: Callable[[int], object], free: int) -> Need:
    """What `trial(rows)` takes; small passes tell, so that looking itself does not exceed the `free` bytes."""
    one = _peak_of_tensors(trial, 1)
    two = _peak_of_tensors(trial, 2) if SLACK * 2 * one < free else 2 * one
    return Need(one, max(0, two - one))


def standing(device: torch.device) -> tuple[int, int]:
    """Bytes in use now, and how many this process may use in all, on a device."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return torch.cuda.memory_allocated(device), free + torch.cuda.memory_reserved(device)
    used = hardware.memory_used()
    return used, min(hardware.memory_limit(), used + hardware.memory_free())


def peak(device: torch.device) -> int:
    """Most bytes that this process has used so far on a device."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else hardware.peak_memory()


def release() -> None:
    """Give the system back what was freed: glibc keeps it (after feature reading, hundreds of MiB)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def in_chunks(
    network: Network, examples: Examples, positions: np.ndarray, size: int, work: Callable[[np.ndarray], None]
) -> None:
    """Give `work` all rows, at most `size` of similar length at once, the longest first.

    Fewer at once where memory is short; `work` may be given the rows of a failed try again.
    Raises FtkitError where one row alone does not fit.
    """
    if examples.at_once is None and min(size, len(positions)) > 2:  # two rows are what looking takes
        examples.at_once = _rows_that_fit(network, examples, max(size, ROWS))
    left = np.concatenate([np.array([], dtype=np.int64), *examples.by_length(positions, size)])
    while len(left):
        rows = left[: min(size, examples.at_once or size)]
        if _worked(work, rows):
            left = left[len(rows) :]
        else:
            examples.at_once = len(rows) // 2
            if not examples.at_once:
                raise FtkitError("out of memory while reading one row with the base", SMALLER)
            console.warn(f"out of memory: the base now reads {examples.at_once} rows at once")


def portions(
    lengths: np.ndarray, positions: np.ndarray, device: torch.device, size: int = ROWS
) -> Iterator[np.ndarray]:
    """All rows, the longest first, as many at once as make full use of the processor and fit into its cache."""
    left = positions[np.argsort(-lengths[positions], kind="stable")]
    tokens = TOKENS if device.type == "cpu" else 32 * TOKENS
    while len(left):
        rows = left[: min(size, max(1, tokens // max(1, int(lengths[left[0]]))))]
        yield rows
        left = left[len(rows) :]


def in_lengths(
    network: Network, examples: Examples, positions: np.ndarray, work: Callable[[np.ndarray, np.ndarray], None]
) -> None:
    """Give `work` all rows, those of one length together so that none is padded: (rows, rows filled up). Longest first.

    How many rows share a pass does not change a row's bits in a transformer, but for passes of a few
    positions. It does in a convolution, so where all rows are of one length, as images are, all
    passes are of one shape, and so are those of all clips of equally many pictures.
    """
    alike = len(set(examples.lengths.tolist())) == 1 or examples.several
    for length in sorted(set(examples.lengths[positions].tolist()), reverse=True):
        size = min(ALIKE if alike else ROWS, max(1, TOKENS // length))
        least = size if alike else -(-FEWEST // length)

        def filled(rows: np.ndarray, least: int = least) -> None:
            work(rows, np.resize(rows, max(len(rows), min(least, examples.at_once or least))))

        in_chunks(network, examples, positions[examples.lengths[positions] == length], size, filled)


def _worked(work: Callable[[np.ndarray], None], rows: np.ndarray) -> bool:
    try:
        work(rows)
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        return False
    return True


def _rows_that_fit(network: Network, examples: Examples, size: int) -> int:
    """`size`, or the largest half, quarter, … of it that stays below the share of memory."""
    longest = np.argsort(-examples.lengths, kind="stable")[:2]

    @torch.no_grad()
    def trial(rows: int) -> None:
        network(examples.batch(longest[:rows], cached=False).to(device))

    device = network.device
    network.training(False)
    used, limit = standing(device)
    known = need(trial, limit - used)
    while size > 1 and used + known.of(size) > SHARE * limit:
        size //= 2
    return size


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch ships no types for it
    """Adds up the bytes of tensors that operations make, for as long as they live."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0
        self._known: dict[int, tuple[int, weakref.finalize[..., Any]]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        for one in _tensors((*args, *kwargs.values())):
            self._see(one, made=False)
        out = func(*args, **kwargs)
        for one in _tensors((out,)):
            self._see(one, made=True)
        return out

    def __exit__(self, *exception: Any) -> None:
        super().__exit__(*exception)  # type: ignore[no-untyped-call]
        for _, farewell in self._known.values():
            farewell.detach()

    def _see(self, one: torch.Tensor, made: bool) -> None:
        """Note a storage that is new; what came in from outside weighs nothing, and neither does a view of it."""
        if type(one) not in (torch.Tensor, torch.nn.Parameter) or one.layout != torch.strided:
            return  # what stands for a tensor, such as a Blank, holds no numbers
        storage = one.untyped_storage()
        place = storage.data_ptr()
        if place and place not in self._known:
            size = storage.nbytes() if made else 0
            self._known[place] = size, weakref.finalize(storage, self._gone, place)
            self.now += size
            self.peak = max(self.peak, self.now)

    def _gone(self, place: int) -> None:
        self.now -= self._known.pop(place)[0]


def _tensors(values: Iterable[Any]) -> Iterator[torch.Tensor]:
    """Those among what an operation takes or gives: values, and lists of values."""
    for one in values:
        if isinstance(one, torch.Tensor):
            yield one
        elif isinstance(one, list | tuple):
            yield from _tensors(one)


def _peak_of_tensors(trial: Callable[[int], object], rows: int) -> int:
    watch = _Watch()
    with watch:
        trial(rows)
    return watch.peak
