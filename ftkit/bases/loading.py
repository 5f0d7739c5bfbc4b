"""What can still go wrong when transformers loads a base, in one line."""

from __future__ import annotations

import re

from ftkit.bases import hub
from ftkit.bases.base import Base
from ftkit.errors import InputError

TOKENIZER = [
    *("tokenizer.json", "vocab.txt", "vocab.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model"),
    *("spm.model", "source.spm", "tokenizer_config.json"),  # byte-level tokenizers have nothing but the last
]
_INSTALL = re.compile(r"pip install ['\"]?([A-Za-z0-9][\w.\-\[\]]*)")
_TYPE = re.compile(r"model type `([^`]+)`")


def require_tokenizer(base: Base) -> None:
    """Refuse a base without tokenizer files: transformers 5 makes up an empty tokenizer instead of failing."""
    if not any((base.folder / file).is_file() for file in TOKENIZER):
        message = f"{base.name}: has no tokenizer (none of {', '.join(TOKENIZER[:3])}, …)"
        raise InputError(message, _complete(base, "choose a base for text, or add its tokenizer files"))


def explain(error: BaseException, base: Base) -> InputError:
    """One clear line for what `from_pretrained` raised (OSError, ValueError, safetensors' and other errors)."""
    text = " ".join(str(error).split())
    name, kind = base.name, type(error).__name__
    if "trust_remote_code" in text or "custom code" in text:
        message = f"{name}: needs Python code from its own checkpoint, and ftkit never runs code from a checkpoint"
        return InputError(message, "choose a base that transformers knows by itself")
    if found := _TYPE.search(text):
        message = f"{name}: this version of transformers does not know models of type {found[1]}"
        return InputError(message, "pip install --upgrade transformers, or choose another base")
    if found := _INSTALL.search(text):
        return InputError(f"{name}: needs a package that is not installed", f"pip install {found[1]}")
    if kind == "SafetensorError":
        hint = _complete(base, "copy it again from where the model came")
        return InputError(f"{name}: its weights are damaged: {_short(text)}", hint)
    if "mismatch" in text or kind == "StrictDataclassFieldValidationError":
        message = f"{name}: its config.json and its weights do not belong together: {_short(text)}"
        return InputError(message, _complete(base, "take both from the same checkpoint"))
    if re.search(r"token|vocab|processor|extractor|spiece|sentencepiece|merges", text, re.IGNORECASE):
        message = f"{name}: its tokenizer or processor files are missing or damaged: {_short(text)}"
        return InputError(message, _complete(base, "copy them again from where the model came"))
    message = f"{name}: transformers cannot load it: {_short(text) or kind}"
    return InputError(message, _complete(base, "choose another base; --debug shows the whole error"))


def _complete(base: Base, otherwise: str) -> str:
    return hub.fetch_again(base.name) if base.kind == "hub" else otherwise


def _short(text: str) -> str:
    first = text.split(". ")[0]
    return first if len(first) <= 160 else first[:159] + "…"
