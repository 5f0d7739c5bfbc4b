"""How a delivered tagger is used without ftkit: tokens through the tokenizer, each judged by its first piece."""

from __future__ import annotations

from ftkit.tasks._snippet import Snippet
from ftkit.tasks._texts import tokenizer_lines


def lines(max_length: int) -> Snippet:
    """The parts of the model card's script; rows are cut at so many pieces."""
    return Snippet(
        imports=("from transformers import AutoTokenizer",),
        setup=tokenizer_lines(", add_prefix_space=True"),
        arguments="sentences",
        rows="sentences",
        batch=(),
        example="",
        predict=tuple(_predict_lines(max_length)),
    )


def _predict_lines(max_length: int) -> list[str]:
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
