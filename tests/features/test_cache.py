"""Activations on disk: bit for bit what the base says, once for all processes, whatever happens to the files."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toy import EVERY, MEAN, Toy, build, method_named

from ftkit import registry
from ftkit.errors import InputError
from ftkit.features import examples as examples_module
from ftkit.features import headroom, segments
from ftkit.features.cache import Cache
from ftkit.features.examples import Examples, Features
from ftkit.features.fingerprint import Fingerprint
from ftkit.models.assembly import Model, assemble
from ftkit.models.delivery import Head
from ftkit.recipe import parse
from ftkit.training.loop import fit
from ftkit.training.members import Settings
from ftkit.training.passes import predict

LIMIT = 2**30


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    made = build(tmp_path, method_named("lora"))
    made.job.network.origin = Fingerprint(made.job.network.backbone.get_base_model())  # type: ignore[operator]
    return made


def features(toy: Toy, cache: Cache | None) -> Features:
    examples = Examples(toy.task, toy.job.examples.processor, toy.job.examples.rows)
    return Features(toy.job.network, examples, (MEAN,), cache)


def files(root: Path) -> list[Path]:
    return sorted(root.glob("activations/*/*.safetensors"))


def equal(one: Features, other: Features) -> None:
    assert one.prefix is not None and other.prefix is not None
    assert np.array_equal(one.pooled[MEAN], other.pooled[MEAN])
    assert all(torch.equal(one.prefix.take(EVERY[i : i + 5]), other.prefix.take(EVERY[i : i + 5])) for i in range(20))


def test_a_second_run_reads_what_the_first_has_computed(toy: Toy, tmp_path: Path) -> None:
    first, second, without = (
        features(toy, one) for one in (Cache(tmp_path / "c", LIMIT), Cache(tmp_path / "c", LIMIT), None)
    )
    for one in (first, second, without):
        one.read(EVERY)
    assert first.computed == without.computed == len(EVERY) and second.computed == 0
    equal(first, second)
    equal(first, without)
    assert first.digest() == second.digest() == without.digest()


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sets(st.integers(0, 23), min_size=1), min_size=1, max_size=4))
def test_the_companions_of_a_row_do_not_change_its_bits(toy: Toy, parts: list[set[int]]) -> None:
    whole, pieces = features(toy, None), features(toy, None)
    whole.read(EVERY)
    for part in parts:
        pieces.read(np.array(sorted(part)))
    pieces.read(EVERY)
    equal(whole, pieces)


def test_a_base_that_differs_above_the_cut_shares_its_prefix_only(toy: Toy, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "c", LIMIT)
    features(toy, cache).read(EVERY)
    with torch.no_grad():
        next(toy.job.network.blocks[-1].parameters()).add_(1.0)
    toy.job.network.origin = Fingerprint(toy.job.network.backbone.get_base_model())  # type: ignore[operator]
    shelves = {path.parent for path in files(tmp_path / "c")}
    other = features(toy, Cache(tmp_path / "c", LIMIT))
    other.read(EVERY)
    new = {path.parent for path in files(tmp_path / "c")} - shelves
    assert other.computed == len(EVERY) and len(shelves) == 2 and len(new) == 1
    with torch.no_grad():
        next(toy.job.network.blocks[0].parameters()).add_(1.0)
    toy.job.network.origin = Fingerprint(toy.job.network.backbone.get_base_model())  # type: ignore[operator]
    features(toy, Cache(tmp_path / "c", LIMIT)).read(EVERY)
    assert len({path.parent for path in files(tmp_path / "c")}) == 5


@pytest.mark.parametrize("damage", ["byte", "list", "cut", "foreign", "of another base", "gone"])
def test_a_damaged_file_is_named_and_computed_anew(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    good = features(toy, Cache(tmp_path / "c", LIMIT))
    good.read(EVERY)
    for path in files(tmp_path / "c"):
        good_rows = {one: segments.read(path)[one].clone() for one in good._hashes}
        whole = bytearray(path.read_bytes())
        path.unlink()
        other = segments.pack("another key", {one: good_rows[one] + 1 for one in good_rows})
        listed = bytes(whole).replace(b"[0, ", b"[1, ", 1)
        whole[-5] ^= 1
        damaged = {"byte": bytes(whole), "list": listed, "cut": bytes(whole[:-9]), "foreign": b"hello"}
        if damage != "gone":
            path.write_bytes({**damaged, "of another base": other}[damage])
    again = features(toy, Cache(tmp_path / "c", LIMIT))
    again.read(EVERY)
    assert again.computed == len(EVERY)
    assert ("is damaged" in capsys.readouterr().err) == (damage != "gone")
    equal(good, again)
    third = features(toy, Cache(tmp_path / "c", LIMIT))
    third.read(EVERY)
    assert third.computed == 0


def test_a_file_without_rows_that_are_asked_for_is_not_read_through(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    features(toy, Cache(tmp_path / "c", LIMIT)).read(EVERY[:6])
    for path in files(tmp_path / "c"):
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    other = features(toy, Cache(tmp_path / "c", LIMIT))
    other.read(EVERY[12:])
    assert "is damaged" not in capsys.readouterr().err
    other.read(EVERY[:6])
    assert capsys.readouterr().err.count("is damaged") == 2 and other.computed == 18


def test_what_a_killed_process_left_half_written_goes(toy: Toy, tmp_path: Path) -> None:
    features(toy, Cache(tmp_path / "c", LIMIT)).read(EVERY[:6])
    old, new = (files(tmp_path / "c")[0].parent / f".{name}.tmp" for name in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    features(toy, Cache(tmp_path / "c", LIMIT)).read(EVERY)
    assert not old.exists() and new.exists()


def test_without_a_disk_prefixes_take_so_much_memory_and_no_more(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = features(toy, None)
    whole.read(EVERY)
    monkeypatch.setattr(examples_module, "BUDGET", 2000)
    small, spilled = features(toy, None), features(toy, Cache(tmp_path / "c", LIMIT))
    for one in (small, spilled):
        one.read(EVERY)
        assert np.array_equal(one.pooled[MEAN], whole.pooled[MEAN])
    assert small.prefix is None and "no disk to keep more" in small.why_not
    equal(spilled, whole)


def test_a_model_that_padding_disturbs_is_not_cached(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    network = toy.job.network
    embeddings = network.backbone.get_submodule("base_model.model.embeddings")
    embeddings.register_forward_hook(lambda _, args, out: out + 0.01 * out.shape[1])  # as a mean over positions would
    one = features(toy, None)
    one.read(EVERY)
    assert one.prefix is None and "padding changes" in one.why_not
    assert one.computed == len(EVERY)


def test_a_base_with_drawn_weights_is_the_same_base_every_time(tmp_path: Path) -> None:
    from transformers import BertModel

    tree = registry.load("tasks", "text_classification").toy(tmp_path)
    BertModel.from_pretrained(tmp_path / "base", add_pooling_layer=False).save_pretrained(tmp_path / "base")
    recipe = parse(tree | {"method": {"name": "lora", "layers": "last 1"}}, [])
    keys = []
    for _ in range(2):
        torch.seed()
        origin = assemble(recipe).network.origin
        assert origin is not None
        keys.append((origin.whole(), origin.below(1)))
    assert keys[0] == keys[1] and keys[0][0] != keys[0][1]


@pytest.mark.parametrize("method", ["head", "lora", "full"])
def test_a_second_look_at_the_same_rows_computes_only_what_the_method_has_moved(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(headroom, "_rows_that_fit", lambda network, examples, size: size)  # runs the whole model
    tree = registry.load("tasks", "text_classification").toy(tmp_path)
    fields = {"layers": "last 1"} if method == "lora" else {}
    recipe = parse(tree | {"method": {"name": method, **fields}}, [])
    made, cache = assemble(recipe), Cache(tmp_path / "c", LIMIT)
    random = np.random.default_rng(0)
    head = Head(MEAN, ("fruit", "tool"), random.normal(size=(2, 32)).astype(np.float32), np.zeros(2, np.float32))
    model = Model(recipe, made.base, made.network, made.processor, head)
    rows = [("a ripe apple",), ("drill drill please",), ("saw",), ("a ripe apple",)]
    plain, _ = model.logits(rows)
    first, _ = model.logits(rows, cache=cache)
    kept = {path: path.stat().st_mtime_ns for path in files(tmp_path / "c")}
    passes = []
    bottom = next(module for name, module in made.network.backbone.named_modules() if name.endswith("layer.0.output"))
    bottom.register_forward_hook(lambda module, args, out: passes.append(type(out) is torch.Tensor))
    second, _ = model.logits(rows, cache=cache)
    assert np.array_equal(first, second) and np.abs(first - plain).max() < 1e-5
    assert any(passes) == (method == "full") and bool(kept) == (method != "full")
    assert set(files(tmp_path / "c")) == set(kept)


def test_a_disk_that_refuses_costs_the_cache_and_not_the_run(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "c").write_text("a file, where a folder should be")
    one = features(toy, Cache(tmp_path / "c", LIMIT))
    one.read(EVERY[:12])
    one.read(EVERY)
    assert capsys.readouterr().err.count("cannot be kept") == 1
    whole = features(toy, None)
    whole.read(EVERY)
    equal(one, whole)


def test_the_oldest_go_when_it_is_full_and_a_run_that_has_them_goes_on(toy: Toy, tmp_path: Path) -> None:
    first = features(toy, Cache(tmp_path / "c", LIMIT))
    first.read(EVERY[:12])
    old = files(tmp_path / "c")
    for path in old:
        os.utime(path, (1, 1))
    size = sum(path.stat().st_size for path in old)
    second = features(toy, Cache(tmp_path / "c", size))
    second.read(EVERY[12:])
    left = files(tmp_path / "c")
    assert sum(path.stat().st_size for path in left) <= size and not set(old) <= set(left)
    first.read(EVERY)
    whole = features(toy, None)
    whole.read(EVERY)
    equal(first, whole)


def _read_all(root: Path, folder: Path, barrier: object) -> None:
    made = build(folder, method_named("lora"))
    made.job.network.origin = Fingerprint(made.job.network.backbone.get_base_model())  # type: ignore[operator]
    one = features(made, Cache(root, LIMIT))
    barrier.wait()  # type: ignore[attr-defined]
    one.read(EVERY)
    np.save(folder / "pooled.npy", one.pooled[MEAN])


def test_two_processes_on_the_same_rows_keep_one_copy(toy: Toy, tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")  # one thread here, so that a fork is safe
    barrier = context.Barrier(2)
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    children = [context.Process(target=_read_all, args=(tmp_path / "c", folder, barrier)) for folder in folders]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
        assert child.exitcode == 0
    one, two = (np.load(folder / "pooled.npy") for folder in folders)
    assert np.array_equal(one, two)
    kept = [segments.read(path) for path in files(tmp_path / "c")]
    rows = [(tuple(one.flat.shape[1:]), digest, len(one[digest])) for one in kept for digest in one.starts]
    assert len(rows) == 2 * len(set(toy.job.examples.hashes))  # pooled, and what enters the trained block


def test_training_from_the_cache_equals_training_without(tmp_path: Path) -> None:
    plan = Settings(epochs=3, lr=1e-2, batch=8)
    for double, tolerance in ((True, 1e-12), (False, 1e-5)):
        logits = []
        for cached in (True, False):
            (tmp_path / f"{double}{cached}").mkdir()
            toy = build(tmp_path / f"{double}{cached}", method_named("lora"), double=double, cached=cached)
            one = toy.member(plan)
            list(fit(toy.job, [one]))
            logits.append(predict(toy.job, one, EVERY))
        assert np.abs(logits[0] - logits[1]).max() < tolerance * np.abs(logits[1]).max()


def test_the_cap_must_be_a_number(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FTKIT_CACHE", str(tmp_path))
    monkeypatch.setenv("FTKIT_CACHE_GB", "0.5")
    assert Cache.default().limit == 2**29 and Cache.default().root == tmp_path
    monkeypatch.setenv("FTKIT_CACHE_GB", "much")
    with pytest.raises(InputError, match="expected a number"):
        Cache.default()


def test_a_cap_of_zero_writes_nothing(toy: Toy, tmp_path: Path) -> None:
    one, whole = features(toy, Cache(tmp_path / "c", 0)), features(toy, None)
    for each in (one, whole):
        each.read(EVERY)
    assert not (tmp_path / "c").exists()
    equal(one, whole)


def test_a_private_cache_is_its_owners_alone(toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    one, other = (features(toy, Cache.within(tmp_path / "c")) for _ in range(2))
    one.read(EVERY)
    other.read(EVERY)
    assert other.computed == 0  # known again by their keyed hashes
    hashes = [digest.encode() for digest in toy.job.examples.hashes]
    assert files(tmp_path / "c") and not any(
        one in path.read_bytes() for path in files(tmp_path / "c") for one in hashes
    )
    for path in [*(tmp_path / "c").rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_more_rows_are_read_after_training_has_begun(toy: Toy, tmp_path: Path) -> None:
    whole = features(toy, None)
    late = Features(toy.job.network, toy.job.examples, (MEAN,), Cache(tmp_path / "d", LIMIT))
    late.read(EVERY[:10])
    toy.job.examples.prefix = late.prefix
    late.read(EVERY)
    whole.read(EVERY)
    equal(late, whole)
