"""Each change changes what it says, keeps padding as it is, and follows its generator alone."""

from __future__ import annotations

import pytest
import torch

from ftkit.tasks import _sound_changes
from ftkit.tasks._sound_changes import CHANGES, changed
from ftkit.tasks.audio_classification import AudioClassification


def batches() -> dict[str, dict[str, torch.Tensor]]:
    """The three kinds of input, two rows each: the second is half padding."""
    random = torch.Generator().manual_seed(1)
    half = torch.tensor([[1] * 40, [1] * 20 + [0] * 20])
    waves = torch.randn(2, 40, generator=random) * half
    bands = torch.rand(2, 6, 80, generator=random) * half.repeat_interleave(2, 1)[:, None]
    return {
        "waves": {"input_values": waves, "attention_mask": half},
        "whisper": {"input_features": bands, "pooling_mask": half},
        "ast": {"input_values": bands.transpose(1, 2).contiguous(), "pooling_mask": half},
    }


def test_the_task_names_every_change() -> None:
    assert AudioClassification.augmentations == tuple(CHANGES) and len(CHANGES) == 4


@pytest.mark.parametrize("kind", ["waves", "whisper", "ast"])
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_follows_its_generator_and_leaves_padding_alone(kind: str, name: str) -> None:
    batch = batches()[kind]
    key = next(iter(batch))
    before = batch[key].clone()

    def once(seed: int) -> torch.Tensor:
        return changed(batch, (name,), torch.Generator().manual_seed(seed))[key]

    assert torch.equal(once(3), once(3)) and not torch.equal(once(3), once(4))
    assert torch.equal(batch[key], before), "the batch itself was changed"
    time_last = once(3).transpose(1, 2) if kind == "ast" else once(3)
    padding = time_last[1, ..., time_last.shape[-1] // 2 :]
    assert not padding.any()


def test_what_each_change_does_to_a_wave() -> None:
    wave, random = torch.cos(torch.arange(2000) / 5), torch.Generator().manual_seed(0)
    noisy = _sound_changes.noise(wave, random)
    decibels = 20 * torch.log10(wave.std() / (noisy - wave).std())
    assert 8 < decibels < 32
    louder = _sound_changes.gain(wave, random)
    assert torch.allclose(louder / louder.max(), wave / wave.max(), atol=1e-5) and 0.5 <= louder.max() <= 2
    moved = _sound_changes.shift(wave, random)
    by = int((moved == 0).sum())
    assert 0 < by <= 201
    assert torch.equal(moved[by:], wave[:-by]) or torch.equal(moved[:-by], wave[by:])
    gaps = [int((_sound_changes.time_mask(wave, random) != wave).sum()) for _ in range(20)]
    assert max(gaps) <= 300 and len(set(gaps)) > 5


def test_noise_hides_what_is_soft_in_a_spectrogram_and_nothing_else() -> None:
    bands = torch.full((4, 50), -1.0)
    bands[1] = 1.0
    noisy = _sound_changes.noise(bands, torch.Generator().manual_seed(0))
    assert torch.equal(noisy[1], bands[1]) and (noisy[0] > -1).all() and (noisy[0] < 0.7).all()
