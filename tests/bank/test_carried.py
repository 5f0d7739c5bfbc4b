"""What rows of each kind carry: labels, several labels, numbers and tags; and what a list of one's own allows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftkit.bank import carried
from ftkit.bank.adapting import closed_to
from ftkit.data.tags import classes, mended, types_of
from ftkit.tasks.token_classification import TokenClassification

LABELS = classes(["a", "b", "c"])
TASK = TokenClassification(name="token_classification")
TAG = st.sampled_from(["O", "B-a", "I-a", "B-b", "I-b", "B-c", "I-c"])
ROWS = st.lists(st.lists(TAG, min_size=1, max_size=6), min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("targets", "labelled", "unknown", "several", "own"),
    [
        (np.array([1, -1, 1]), [True, False, True], 1, True, [False, True]),
        (np.array([0, 0]), [True, True], 0, False, [True, False]),
        (np.array([[1, 0], [1, 0]], np.float32), [True, True], 0, False, [True, False]),
        (np.array([[0.5, 2.0], [0.5, 3.0]]), [True, True], 0, True, [True, True]),
    ],
)
def test_of_labels_and_numbers(
    targets: np.ndarray, labelled: list[bool], unknown: int, several: bool, own: list[bool]
) -> None:
    assert carried.labelled(targets).tolist() == labelled and carried.unknown(targets) == unknown
    assert carried.several(targets) == several and carried.own_labels(targets, ("x", "y")).tolist() == own


def test_of_tags() -> None:
    gold = [("O", "B-a"), ("B-z", "I-z"), ("O",), ("B-z", "O")]
    targets = TASK.targets(list(gold), LABELS)
    assert carried.labelled(targets).tolist() == [True, False, True, True] and carried.unknown(targets) == 2
    assert carried.several(targets) and not carried.several(targets[1:])  # what is left is outside
    own = {label for label, one in zip(LABELS, carried.own_labels(targets, LABELS), strict=True) if one}
    assert own == {"B-a", "I-a", "O"}


@settings(deadline=None)
@given(ROWS, st.integers(0, 2**32 - 1))
def test_whatever_is_predicted_a_list_of_ones_own_leaves_whole_spans_of_its_types(
    rows: list[list[str]], seed: int
) -> None:
    gold = [mended(row, "bio")[0] for row in rows]
    own = carried.own_labels(TASK.targets(list(gold), LABELS), LABELS)
    chance = np.random.default_rng(seed)
    for length in (1, 4, 9):
        logits = chance.normal(0, 5, (length, len(LABELS))).astype(np.float32)
        logits[chance.random(length) < 0.2] = -np.inf  # the base is not shown them
        scores = np.fromiter([closed_to(logits, tuple(np.flatnonzero(own)))], object, 1)
        (said,) = TASK.decode(TASK.scores(scores), LABELS)
        tags = tuple(map(str, said or ()))
        assert not mended(tags, "bio")[1], "an inside without its begin"
        assert set(types_of(tags)) <= {kind for row in gold for kind in types_of(row)}
        assert all(tag == "O" for tag, row in zip(tags, logits, strict=True) if np.isneginf(row).all())
