"""The lines of Python by which a sound comes to a base without ftkit."""

from __future__ import annotations

from ftkit.tasks._hearing import Ear, Patches, Samples, Window
from ftkit.tasks._snippet import Snippet

SETUP = (
    "extractor = AutoFeatureExtractor.from_pretrained(BASE)",
    "RATE = extractor.sampling_rate",
    "",
    "",
    "def wave(path):",
    '    """One channel at the rate of the base, cut where it was cut in training."""',
    '    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)',
    "    samples = samples.mean(1)",
    "    samples = soxr.resample(samples, rate, RATE) if rate != RATE else samples",
    "    return np.pad(samples[:{limit}], (0, max(0, {least} - len(samples))))",
    "",
    "",
)
Lines = tuple[str, ...]
WAVES = "waves = [wave(path) for path in paths]"


def lines(ear: Ear) -> Snippet:
    """For a base that hears like this."""
    batch, model = _own(ear)
    return Snippet(
        imports=(
            "import numpy as np",
            "import soundfile",
            "import soxr",
            "from transformers import AutoFeatureExtractor",
        ),
        setup=tuple(line.format(limit=ear.limit, least=ear.LEAST) for line in SETUP),
        arguments="paths",
        rows="sounds",
        batch=(WAVES, *batch),
        example='["sound.wav"]',
        mask="heard",
        model=model,
    )


def _own(ear: Ear) -> tuple[Lines, Lines]:
    """Lines that make `batch` and what of it is `heard`, and those that fit the model."""
    if isinstance(ear, Window):
        return _window(ear)
    if isinstance(ear, Patches):
        return _patches(ear), ()
    assert isinstance(ear, Samples)
    return _samples(ear), ()


def _window(ear: Window) -> tuple[Lines, Lines]:
    batch = (
        f'padding = {{"padding": "max_length", "max_length": {ear.limit}}}',
        'batch = extractor(waves, sampling_rate=RATE, return_tensors="pt", **padding)',
        f"reached = torch.tensor([max(1, -(-len(one) // {ear.step})) for one in waves])",
        f"heard = (torch.arange({ear.positions}) < reached[:, None]).long()",
    )
    model = (
        f"positions = model.embed_positions.weight[:{ear.positions}].detach()  # a window of {ear.seconds:g} s",
        "model.embed_positions = torch.nn.Embedding.from_pretrained(positions)",
        f"model.max_source_positions = model.config.max_source_positions = {ear.positions}",
    )
    return batch, model


def _patches(ear: Patches) -> Lines:
    bands, frames = ear.grid
    return (
        'batch = extractor(waves, sampling_rate=RATE, return_tensors="pt")',
        f"reached = torch.tensor([max(1, -(-len(one) // {ear.step})) for one in waves])",
        f"heard = (torch.arange({frames}) < reached[:, None]).long().repeat(1, {bands})  # frames of each band",
        "heard = torch.cat([torch.ones(len(waves), 2, dtype=torch.long), heard], 1)",
    )


def _samples(ear: Samples) -> Lines:
    convolutions = list(zip(ear.config["conv_kernel"], ear.config["conv_stride"], strict=True))
    padding = '"longest"' if ear.masks else f'"max_length", max_length={max(ear.LEAST, ear.limit)}'
    return (
        f"padding = dict(padding={padding}, return_attention_mask={ear.masks})",
        'batch = extractor(waves, sampling_rate=RATE, return_tensors="pt", **padding)',
        'reached = torch.tensor([batch["input_values"].shape[1], *map(len, waves)])',
        f"for kernel, stride in {convolutions}:",
        "    reached = (reached - kernel) // stride + 1",
        "heard = (torch.arange(int(reached[0])) < reached[1:, None]).long()",
    )
