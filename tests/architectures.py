"""Random models of a few thousand weights, one for each architecture that ftkit promises to handle.

A family is a function from a name to a model; `ARCHITECTURES` lists who belongs to which, and which
inputs it takes. Nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import transformers
from torch import nn

Inputs = dict[str, torch.Tensor]

TEXT: dict[str, Any] = {
    "vocab_size": 50,
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
}
VISION: dict[str, Any] = {**TEXT, "image_size": 16, "patch_size": 4}
MAPS: dict[str, Any] = {"image_size": 32, "hidden_sizes": [8, 12, 16], "depths": [1, 2, 1]}
SERIES: dict[str, Any] = {"num_input_channels": 2, "context_length": 32, "patch_length": 8, "d_model": 16}
SEQ2SEQ: dict[str, Any] = {
    "vocab_size": 50,
    "d_model": 16,
    "encoder_layers": 3,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 24,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
}


def text(name: str, **fields: Any) -> nn.Module:
    """Encoders and decoders of token ids."""
    return _model(name, {**TEXT, **fields})


def vision(name: str, **fields: Any) -> nn.Module:
    """Transformers over patches of images or videos, and over spectrograms."""
    return _model(name, {**VISION, **fields})


def maps(name: str, **fields: Any) -> nn.Module:
    """Nets of stages, each with a size of map of its own."""
    return _model(name, {**MAPS, **fields})


def series(name: str, **fields: Any) -> nn.Module:
    """Transformers and mixers over patches of time series."""
    return _model(name, {**SERIES, **fields})


def speech(name: str, **fields: Any) -> nn.Module:
    """Transformers over convolved sound."""
    small = {"conv_dim": (4, 4), "conv_kernel": (5, 3), "conv_stride": (4, 2), "feat_extract_norm": "layer"}
    positions = {"num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2}
    return _model(name, {**TEXT, **small, **positions, **fields})


def encoder(name: str, **fields: Any) -> nn.Module:
    """The encoder of an encoder-decoder, as `text_classification` takes it."""
    whole: Any = _model(name, {**SEQ2SEQ, **fields})
    found: nn.Module = whole.get_encoder()
    return found


def _model(name: str, fields: dict[str, Any]) -> nn.Module:
    config = getattr(transformers, name.removesuffix("Model") + "Config")(**fields)
    model: nn.Module = getattr(transformers, name)(config)
    return model.eval().requires_grad_(False)


# ---- inputs of `rows` rows, as a task's `collate` would give them ----


def tokens(rows: int) -> Inputs:
    """Rows of 2, 3, … tokens, padded on the right."""
    lengths = 2 + torch.arange(rows)
    mask = (torch.arange(int(lengths.max())) < lengths[:, None]).long()
    return {"input_ids": torch.randint(3, 50, mask.shape) * mask, "attention_mask": mask}


def image(rows: int, size: int = 16) -> Inputs:
    """(rows, 3, size, size)."""
    return {"pixel_values": torch.randn(rows, 3, size, size)}


def large_image(rows: int) -> Inputs:
    """Large enough for five halvings."""
    return image(rows, 32)


def video(rows: int) -> Inputs:
    """(rows, 4 frames, 3, 16, 16)."""
    return {"pixel_values": torch.randn(rows, 4, 3, 16, 16)}


def spectrogram(rows: int) -> Inputs:
    """(rows, 24 frames, 16 bands)."""
    return {"input_values": torch.randn(rows, 24, 16)}


def mel(rows: int) -> Inputs:
    """(rows, 8 bands, 40 frames)."""
    return {"input_features": torch.randn(rows, 8, 40)}


def sound(rows: int) -> Inputs:
    """Rows of 60, 80, … samples, padded with silence."""
    lengths = 60 + 20 * torch.arange(rows)
    mask = (torch.arange(int(lengths.max())) < lengths[:, None]).long()
    return {"input_values": torch.randn(mask.shape) * mask, "attention_mask": mask}


def measurements(rows: int) -> Inputs:
    """(rows, 32 steps, 2 channels)."""
    return {"past_values": torch.randn(rows, 32, 2)}


@dataclass(frozen=True)
class Architecture:
    """How to build one, what it takes, and where it can be cut."""

    family: Callable[..., nn.Module]
    kind: str
    inputs: Callable[[int], Inputs]
    fields: dict[str, Any]
    blocks: int = 3
    """blocks or stages, so that 1 … blocks - 1 are the cuts"""

    def build(self) -> nn.Module:
        """A fresh model, the same each time; every weight frozen, in eval mode."""
        torch.manual_seed(0)
        model = self.family(self.kind, **self.fields)
        _stir(model)
        return model


def _stir(model: nn.Module) -> None:
    """Weights that let a signal through, scales and statistics away from 0 and 1: else half of a net is silent."""
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.normal_(std=parameter[0].numel() ** -0.5)
        else:
            parameter.add_(torch.randn_like(parameter) * 0.1)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 1.5)
            module.weight.uniform_(0.5, 1.5)  # MobileViT begins with zeros


def _listed() -> Iterator[tuple[str, Architecture]]:
    def one(name: str, family: Callable[..., nn.Module], inputs: Callable[[int], Inputs], blocks: int = 3, **f: Any):
        return name, Architecture(family, f.pop("kind", f"{name}Model"), inputs, f, blocks)

    heads = {"num_key_value_heads": 1}
    yield one("Bert", text, tokens)
    yield one("Roberta", text, tokens)
    yield one("DistilBert", text, tokens, dim=16, n_layers=3, n_heads=2, hidden_dim=24)
    yield one("ModernBert", text, tokens, global_attn_every_n_layers=2, local_attention=4)
    yield one(
        "DebertaV2",
        text,
        tokens,
        relative_attention=True,
        position_buckets=4,
        pos_att_type=["p2c", "c2p"],
        conv_kernel_size=3,
        norm_rel_ebd="layer_norm",
    )
    yield one("Electra", text, tokens, embedding_size=8)
    yield one("GPT2", text, tokens, n_embd=16, n_layer=3, n_head=2, n_positions=64)
    yield one("Llama", text, tokens, **heads)
    yield one("Qwen3", text, tokens, **heads, head_dim=8)
    yield one(
        "Gemma3",
        text,
        tokens,
        kind="Gemma3TextModel",
        **heads,
        head_dim=8,
        sliding_window=4,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
    )
    yield one("Mixtral", text, tokens, **heads, num_local_experts=3)
    yield one("Marian", encoder, tokens)
    yield one("T5", encoder, tokens, num_layers=3, num_heads=2, d_kv=8, d_ff=24)
    yield one("Bart", encoder, tokens)
    yield one("ViT", vision, image)
    yield one("DeiT", vision, image)
    yield one("Dinov2", vision, image)
    yield one("CLIPVision", vision, image)
    yield one("SiglipVision", vision, image)
    yield one("VideoMAE", vision, video, num_frames=4)
    yield one("Timesformer", vision, video, num_frames=4)
    yield one("Vivit", vision, video, num_frames=4, tubelet_size=[2, 4, 4])
    yield one(
        "AST", vision, spectrogram, kind="ASTModel", max_length=24, num_mel_bins=16, time_stride=4, frequency_stride=4
    )
    yield one("Wav2Vec2", speech, sound)
    yield one("Whisper", encoder, mel, num_mel_bins=8, max_source_positions=20)
    yield one("Swin", maps, large_image, embed_dim=8, num_heads=[1, 2, 2], window_size=2)
    yield one("ConvNext", maps, large_image, num_stages=3)
    yield one("ResNet", maps, large_image, embedding_size=8, layer_type="basic")
    yield one(
        "MobileViT",
        maps,
        large_image,
        5,
        hidden_sizes=[8, 8, 8],
        neck_hidden_sizes=[4, 4, 6, 6, 8, 8, 12],
        num_attention_heads=2,
        expand_ratio=2.0,
    )
    yield one("MobileNetV2", maps, large_image, 16, depth_multiplier=0.1, finegrained_output=False, tf_padding=False)
    yield one("PatchTST", series, measurements, num_hidden_layers=3, num_attention_heads=2, ffn_dim=24, patch_stride=8)
    yield one("PatchTSMixer", series, measurements, num_layers=3)


ARCHITECTURES: dict[str, Architecture] = dict(_listed())
