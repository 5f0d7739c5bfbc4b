"""The bare backbone of a base, whatever it takes: what every task that stands on `AutoModel` loads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ftkit.errors import InputError

if TYPE_CHECKING:
    import torch

    from ftkit.bases import Base

SPARE = ("pooler", "masked_spec_embed", "mask_token")
"""parts of names of weights that a checkpoint may lack, because nothing here uses them"""


def backbone_of(base: Base) -> torch.nn.Module:
    """The backbone in fp32 and eval mode; of an encoder-decoder, the encoder.

    Raises InputError for a base that cannot be loaded, or that lacks weights.
    """
    import torch
    from transformers import AutoModel

    from ftkit.bases import explain, own

    own.register_for(base.folder)
    options: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True, "use_safetensors": True}
    try:
        model, loaded = AutoModel.from_pretrained(base.folder, dtype=torch.float32, output_loading_info=True, **options)
    except Exception as error:
        raise explain(error, base) from error
    # transformers fills what a checkpoint lacks with random numbers
    halves = bool(getattr(model.config, "is_encoder_decoder", False))
    unused = "decoder." if halves else "\0"  # of two halves, a checkpoint may hold the encoder alone
    missing = [name for name in loaded["missing_keys"] if not name.startswith(unused)]
    lacking = sorted(name for name in missing if not any(one in name for one in SPARE))
    if lacking:
        what = f"{base.name}: the checkpoint lacks {len(lacking)} weights, such as {lacking[0]}"
        raise InputError(what, "choose another --base")
    encoder: torch.nn.Module = model.get_encoder() if halves else model
    return encoder.eval()
