"""A folder of weights: what it must hold before a model is loaded from it.

Only safetensors are read. The pickle formats can run code when they are opened, so they are named,
never opened, and the message carries the command that converts them.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ftkit import files
from ftkit.errors import InputError

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
SHARD = re.compile(r"model-\d+-of-\d+\.safetensors")
PICKLED_SHARD = re.compile(r"pytorch_model-\d+-of-\d+\.bin")
HEADER_LIMIT = 100_000_000  # bytes; the format's own limit
AGAIN = "copy it again from where the model came: hf download ORG/NAME --local-dir FOLDER fetches what is missing"

TORCH = (".bin", ".pt", ".pth", ".ckpt")
OTHER = {".h5": "from_tf", ".msgpack": "from_flax"}
NOT_WEIGHTS = re.compile(r"(training_args|optimizer|scheduler|scaler|rng_state|random_states)")

# Read as weights only, so that nothing in the file is run; copied, since safetensors refuses tied tensors that share
# memory; taken out of the `state_dict` of a training checkpoint. No double quotes: a shell reads it between two.
CONVERT = (
    "import sys, pathlib, torch, safetensors.torch as s; w = {}; "
    "[w.update(torch.load(p, map_location='cpu', weights_only=True)) for p in sys.argv[1:]]; "
    "w = w.get('state_dict', w); w = {k: v.detach().clone().contiguous() for k, v in w.items() if torch.is_tensor(v)}; "
    "s.save_file(w, pathlib.Path(sys.argv[1]).with_name('model.safetensors'), metadata={'format': 'pt'})"
)


def weights(folder: Path, name: str) -> list[Path]:
    """The weight files of a model folder, in order, after every check that needs no torch."""
    _config(folder, name)
    found = _weight_files(folder, name)
    for path in found:
        check_header(path)
    return found


def digest(paths: list[Path]) -> str:
    """The file's sha256, or of several shards the sha256 of their hashes in order."""
    hashes = [files.sha256(path) for path in paths]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


def _config(folder: Path, name: str) -> None:
    path = folder / "config.json"
    if not path.is_file():
        if (folder / "adapter_config.json").is_file():
            hint = "give the model that the adapter belongs to, or a run folder of ftkit"
            raise InputError(f"{name}: is an adapter without its base (adapter_config.json)", hint)
        raise InputError(f"{name}: is no model, it has no config.json", "give the folder that save_pretrained wrote")
    config = _json(path)
    if not isinstance(config.get("model_type"), str) or not config["model_type"]:
        hint = f'add "model_type" to {path}, such as "model_type": "bert", or choose another base'
        raise InputError(f"{name}: its config.json has no model_type, so nothing says what model it is", hint)


def _json(path: Path) -> dict[str, Any]:
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise files.os_error(error, f"reading {path}") from error
    except (ValueError, RecursionError):  # not JSON, or not UTF-8
        tree = None
    if not isinstance(tree, dict):
        raise InputError(f"{path}: is not a JSON object", AGAIN)
    return tree


def _weight_files(folder: Path, name: str) -> list[Path]:
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if (folder / INDEX).is_file():
        return _shards(folder, name)
    present = sorted(path.name for path in folder.iterdir() if path.is_file())
    refuse_pickles(name, present, str(folder))
    tensors = [file for file in present if file.endswith(".safetensors")]
    if any(SHARD.fullmatch(file) for file in tensors):
        raise InputError(f"{name}: has shards of weights, but not {INDEX}, which lists them", AGAIN)
    if len(tensors) == 1 and not tensors[0].startswith("adapter_"):
        move = shlex.join(["mv", str(folder / tensors[0]), str(folder / WEIGHTS)])
        raise InputError(f"{name}: has {tensors[0]}, but weights are only read from {WEIGHTS}", move)
    raise InputError(f"{name}: has a config.json but no weights ({WEIGHTS})", AGAIN)


def _shards(folder: Path, name: str) -> list[Path]:
    mapping = _json(folder / INDEX).get("weight_map")
    shards = sorted({str(shard) for shard in mapping.values()}) if isinstance(mapping, dict) else []
    if not shards:
        raise InputError(f"{folder / INDEX}: lists no weights", AGAIN)
    for shard in shards:
        if Path(shard).name != shard or not shard.endswith(".safetensors"):
            raise InputError(f"{folder / INDEX}: {shard!r} is not a safetensors file beside it", "choose another base")
    missing = [shard for shard in shards if not (folder / shard).is_file()]
    if missing:
        first = f"{missing[0]}" + (f" and {len(missing) - 1} more" if len(missing) > 1 else "")
        raise InputError(f"{name}: of its {len(shards)} shards of weights, {first} is missing", AGAIN)
    return [folder / shard for shard in shards]


def refuse_pickles(name: str, present: Iterable[str], folder: str, first: str = "", then: str = "") -> None:
    """Name the unsafe file and give the command that converts it in `folder`.

    `first` is typed before the command, `then` says what to do after it.
    """
    candidates = sorted(file for file in present if not NOT_WEIGHTS.match(file))
    unsafe = [file for file in candidates if Path(file).suffix in TORCH]
    if unsafe:
        shards = [file for file in unsafe if PICKLED_SHARD.fullmatch(file)]
        chosen = ["pytorch_model.bin"] if "pytorch_model.bin" in unsafe else shards or unsafe[:1]
        message = f"{name}: its weights ({chosen[0]}) are a pickle, which can run code when it is opened"
        raise InputError(
            f"{message}: convert it once{then}",
            f'{first}{shlex.quote(sys.executable)} -c "{CONVERT}" '
            + " ".join(shlex.quote(f"{folder}/{file}") for file in chosen),
        )
    for file in candidates:
        if option := OTHER.get(Path(file).suffix):
            raise InputError(
                f"{name}: its weights ({file}) are not safetensors, the only format that is read",
                f"choose another base, or convert it with transformers 4, which could still read it: "
                f"AutoModel.from_pretrained({folder!r}, {option}=True).save_pretrained({folder!r})",
            )


def check_header(path: Path) -> None:
    """Refuse a safetensors file that is cut short, or is none: 8 bytes of length, a JSON header, the tensors."""
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            start = stream.read(8)
            if start == b"version ":
                raise InputError(f"{path}: is a pointer of Git LFS, not the weights", "git lfs pull")
            length = int.from_bytes(start, "little")
            if len(start) < 8 or not 2 <= length <= HEADER_LIMIT or 8 + length > size:
                raise InputError(f"{path}: is not a safetensors file, or is cut short", AGAIN)
            header = json.loads(stream.read(length))
            ends = [tensor["data_offsets"][1] for key, tensor in header.items() if key != "__metadata__"]
    except OSError as error:
        raise files.os_error(error, f"reading {path}") from error
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        raise InputError(f"{path}: its safetensors header is damaged", AGAIN) from None
    if not ends:
        raise InputError(f"{path}: holds no tensors", AGAIN)
    if not all(isinstance(end, int) for end in ends) or 8 + length + max(ends) != size:
        raise InputError(f"{path}: its size does not fit its header, so it is damaged or cut short", AGAIN)
