"""How bases watch: which times they look at, what their forward is given, and that the cut of the cache holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from filmed import video_encoder
from toy import method_named

from ftkit.bases import Base
from ftkit.data.decoded import Decoded, Store
from ftkit.data.items import Item
from ftkit.errors import InputError
from ftkit.features.cache import Cache
from ftkit.features.examples import Examples, Features
from ftkit.features.fingerprint import Fingerprint
from ftkit.features.network import Network
from ftkit.features.pooling import Pooling
from ftkit.tasks import FRAMES
from ftkit.tasks._clip_toy import write_base
from ftkit.tasks._watching import Eye
from ftkit.tasks.video_classification import CLIP, VideoClassification


def task(**keys: Any) -> VideoClassification:
    return VideoClassification(name="video_classification", file="file", label="label", multi_label=False, **keys)


def kept(folder: Path, eye: Eye, *frames: int) -> Decoded:
    """The same as rows of a run."""
    rows, store = clips(*frames), Store(folder / "decoded", "key")
    items = [Item(f"{number}.mp4", f"{number:032x}") for number in range(len(rows))]
    for item, row in zip(items, rows, strict=True):
        store.put(item.digest, row[CLIP])
    lengths = eye.lengths(np.array(frames))
    return Decoded(items, store, CLIP, lengths, lambda item: rows[0][CLIP], several=not eye.at_once)


def clips(*frames: int) -> list[dict[str, np.ndarray]]:
    """Kept clips of so many pictures."""
    random = np.random.default_rng(0)
    return [{CLIP: random.integers(0, 256, (count, 16, 16, 3), dtype=np.uint8)} for count in frames]


@pytest.fixture
def picture_base(tmp_path: Path) -> Base:
    write_base(tmp_path / "base")
    return Base("toy", tmp_path / "base", "local", "", "folder")


def test_a_base_of_pictures_looks_twice_a_second_for_ten_seconds(picture_base: Base) -> None:
    eye = task().processor(picture_base)
    assert (eye.fps, eye.most, eye.span, eye.at_once) == (2.0, 20, 10.0, False)
    assert task(fps=5, span=3).processor(picture_base).most == 15
    with pytest.raises(InputError, match="are 6000 pictures of a clip, and 512 is the most"):
        task(fps=10, span=600).processor(picture_base)


@pytest.mark.parametrize("kind", ["videomae", "timesformer"])
def test_a_video_encoder_is_given_as_many_pictures_as_it_takes(kind: str, tmp_path: Path) -> None:
    base = video_encoder(kind, tmp_path)
    assert (task().processor(base).fps, task(span=2).processor(base).fps) == (7.5, 2.0)
    assert task(fps=4).processor(base).span == 1.0
    with pytest.raises(InputError, match="takes 4 pictures of a clip, and task.fps times task.span are 10") as caught:
        task(fps=5, span=2).processor(base)
    assert caught.value.hint == "leave out one of them, or --set task.span=0.8"
    eye, rows = task().processor(base), clips(4, 2, 6)
    batch = task().collate(rows, eye)
    assert batch.keys() == {"pixel_values"} and batch["pixel_values"].shape == (3, 4, 3, 16, 16)
    assert torch.equal(batch["pixel_values"][1, 1], batch["pixel_values"][1, 3]), "a short clip stands still"
    assert task().outline(eye.lengths(np.array([4, 2, 6])), eye)["pixel_values"].shape == (3, 4, 3, 16, 16)
    plain = eye.images(images=[list(rows[0][CLIP])], input_data_format="channels_last", return_tensors="pt")
    torch.testing.assert_close(batch["pixel_values"][:1], plain["pixel_values"], atol=2e-6, rtol=0)


def test_pictures_of_several_clips_go_through_the_base_side_by_side(picture_base: Base) -> None:
    eye, rows = task().processor(picture_base), clips(3, 1, 25)
    batch = task().collate(rows, eye)
    assert batch[FRAMES].tolist() == [3, 1, 20] and batch["pixel_values"].shape == (24, 3, 16, 16)
    outline = task().outline(eye.lengths(np.array([3, 1, 25])), eye)
    assert outline[FRAMES].tolist() == [3, 1, 20] and outline["pixel_values"].shape == batch["pixel_values"].shape


@pytest.mark.parametrize("method", ["lora", "freeze"])
@pytest.mark.parametrize("kind", ["pictures", "videomae", "timesformer"])
def test_the_frozen_blocks_are_computed_once(kind: str, method: str, tmp_path: Path, picture_base: Base) -> None:
    """Clips of several lengths, from the cache and from the bottom: the same features, and less work."""
    base = picture_base if kind == "pictures" else video_encoder(kind, tmp_path)
    eye = task().processor(base)
    rows = kept(tmp_path, eye, 3, 1, 5, 2, 3)
    torch.manual_seed(0)
    backbone = task().load(base).requires_grad_(False)
    origin = Fingerprint(backbone)
    network = Network(method_named(method).apply(backbone))
    network.origin = origin
    poolings = tuple(map(Pooling, task().poolings(backbone)))
    assert [one.kind for one in poolings] == {
        "pictures": ["first", "mean", "first+change", "mean+change"],
        "videomae": ["mean"],
        "timesformer": ["first", "mean"],
    }[kind]
    examples = Examples(task(), eye, rows)
    features = Features(network, examples, poolings, Cache(tmp_path / "cache", 10**9))
    every = np.arange(len(rows))
    features.read(every)
    examples.prefix = features.prefix
    assert examples.prefix is not None, features.why_not
    with torch.no_grad():
        for some in (every, every[::-1].copy(), every[:1]):
            cached, plain = examples.batch(some), examples.batch(some, cached=False)
            assert cached.prefix is not None and plain.prefix is None
            for pooling in poolings:
                again, whole = (network.pooled(one, network(one), pooling) for one in (cached, plain))
                torch.testing.assert_close(again, whole, atol=1e-5, rtol=1e-5)
                np.testing.assert_allclose(whole.numpy(), features.pooled[pooling][some], atol=1e-5)


def test_a_clip_backwards_has_the_same_mean_and_another_order_of_pictures_another_change(picture_base: Base) -> None:
    (row,) = clips(4)
    backwards, mixed = {CLIP: row[CLIP][::-1]}, {CLIP: row[CLIP][[0, 2, 1, 3]]}
    network = Network(task().load(picture_base))
    examples = Examples(task(), task().processor(picture_base), [row, backwards, mixed])
    with torch.no_grad():
        batch = examples.batch(np.arange(3))
        found = network.pooled(batch, network(batch), Pooling("mean+change"))
    width = found.shape[1] // 2
    torch.testing.assert_close(found[0], found[1])
    torch.testing.assert_close(found[0, :width], found[2, :width])
    assert (found[0, width:] - found[2, width:]).abs().max() > 1e-3


def test_all_pictures_of_a_clip_are_changed_alike(picture_base: Base) -> None:
    still = {CLIP: np.repeat(clips(1)[0][CLIP], 3, axis=0)}
    batch = task().collate([still, *clips(2)], task().processor(picture_base))
    seen = task().augment(dict(batch), ("flip", "crop"), torch.Generator().manual_seed(1))
    assert seen[FRAMES].tolist() == [3, 2] and seen["pixel_values"].shape == batch["pixel_values"].shape
    assert torch.equal(seen["pixel_values"][0], seen["pixel_values"][2])
    assert not torch.equal(seen["pixel_values"][0], batch["pixel_values"][0])


def test_a_base_without_an_image_processor_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no image processor") as caught:
        task().processor(Base("bare", tmp_path, "local", "", "folder"))
    assert "choose a base for clips" in caught.value.hint
