"""How the processor is put to use: threads, exact products from the faster library, the kernel of attention."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from ftkit import hardware
from ftkit.features import processor


def cpus(monkeypatch: pytest.MonkeyPatch, folder: Path, siblings: list[str]) -> None:
    """A machine of hardware threads with these siblings, all of which this process may use."""
    for number, text in enumerate(siblings):
        place = folder / f"cpu{number}" / "topology"
        place.mkdir(parents=True)
        (place / "thread_siblings_list").write_text(text)
    monkeypatch.setattr(processor, "CPUS", folder)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(len(siblings))))
    monkeypatch.setattr(hardware, "processors", lambda: len(siblings))
    monkeypatch.delenv("OMP_NUM_THREADS")


@pytest.mark.parametrize(
    ("siblings", "threads"),
    [(["0", "1"], 2), (["0,2", "1,3", "0,2", "1,3"], 2), (["0-1", "0-1"], 1), (["0", "1", "2"], 3)],
)
def test_hardware_threads_of_one_core_count_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, siblings: list[str], threads: int
) -> None:
    cpus(monkeypatch, tmp_path, siblings)
    assert processor.threads("auto") == threads


def test_a_quota_below_the_cores_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cpus(monkeypatch, tmp_path, ["0", "1", "2", "3"])
    monkeypatch.setattr(hardware, "processors", lambda: 1)
    assert processor.threads("auto") == 1


def test_what_the_user_says_counts_most(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cpus(monkeypatch, tmp_path, ["0", "1"])
    assert processor.threads(7) == 7
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert processor.threads("auto") == 5
    assert processor.threads(7) == 7


def test_a_machine_that_does_not_tell_has_as_many_cores_as_threads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cpus(monkeypatch, tmp_path, ["0", "1"])
    monkeypatch.setattr(processor, "CPUS", tmp_path / "nothing")
    assert processor.threads("auto") == 2


def test_settings_end_with_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "_onednn_pays", lambda: True)
    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    with pytest.raises(ZeroDivisionError), processor.used(before[0] + 1):
        assert torch.get_num_threads() == before[0] + 1
        assert torch.get_float32_matmul_precision() == processor.ONEDNN
        raise ZeroDivisionError
    assert (torch.get_num_threads(), torch.get_float32_matmul_precision()) == before


def test_a_narrow_model_has_one_thread_and_its_pieces_all_cores(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cpus(monkeypatch, tmp_path, ["0", "1", "2"])
    assert [processor.threads("auto", width) for width in (64, 191, 192, 384, None)] == [1, 1, 3, 3, 3]
    assert processor.threads(2, 64) == 2
    with processor.used("auto", 64, processes="auto"):
        assert torch.get_num_threads() == 1 and processor.processes() == 3
        with processor.used("auto", 64):
            assert processor.processes() == 1
        assert processor.processes() == 3
    assert processor.processes() == 1


def test_heads_are_solved_on_one_thread_of_blas() -> None:
    import scipy.optimize  # noqa: F401  # brings a library of its own
    from threadpoolctl import threadpool_info, threadpool_limits

    def threads() -> list[int]:
        return [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]

    with threadpool_limits(2, user_api="blas"):
        assert set(threads()) == {2}
        assert set(processor.unshared(threads)()) == {1}
        assert set(threads()) == {2}


@pytest.mark.parametrize(("vendor", "instructions"), [("GenuineIntel", "AVX512"), ("AuthenticAMD", "AVX2")])
def test_other_processors_keep_their_library(monkeypatch: pytest.MonkeyPatch, vendor: str, instructions: str) -> None:
    monkeypatch.setattr(hardware, "cpuinfo", lambda key: vendor)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: instructions)
    assert not processor._onednn_pays.__wrapped__()


def test_a_library_that_rounds_to_bf16_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    product = torch.Tensor.matmul

    def rough(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        if one.dtype != torch.float32:
            return product(one, other)
        return product(one.bfloat16().float(), other.bfloat16().float())

    before = torch.get_float32_matmul_precision()
    assert processor._exact()
    monkeypatch.setattr(torch.Tensor, "__matmul__", rough)
    assert not processor._exact()
    assert torch.get_float32_matmul_precision() == before


def test_short_rows_get_plain_products_where_the_fused_kernel_is_slow() -> None:
    def fused(positions: int) -> bool:
        with processor.attention(positions):
            return torch.backends.cuda.flash_sdp_enabled()

    assert fused(16)  # nothing asks oneDNN here
    with torch.autocast("cpu", torch.bfloat16):
        assert not fused(16)
        assert fused(processor.SHORT + 1)
    torch.set_float32_matmul_precision(processor.ONEDNN)
    try:
        assert not fused(16)
    finally:
        torch.set_float32_matmul_precision("highest")
    assert fused(16)


def test_both_kernels_compute_the_same() -> None:
    rows = torch.randn(3, 2, 4, 9, 8)
    plain = scaled_dot_product_attention(*rows)
    with torch.autocast("cpu", torch.bfloat16), processor.attention(9), torch.autocast("cpu", enabled=False):
        assert (scaled_dot_product_attention(*rows) - plain).abs().max() < 1e-6
