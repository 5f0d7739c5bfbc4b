"""The baseline of motion: numbers that know what moves and nothing of what it looks like."""

from __future__ import annotations

import numpy as np

from ftkit.tasks._motion import CELLS, numbers, solved


def square(steps: int, speed: int, light: int = 200) -> np.ndarray:
    """(steps, 64, 64, 3): a square in the upper left that moves so many pixels a step, on grey paper."""
    clip = np.full((steps, 64, 64, 3), 90, np.uint8)
    for step in range(steps):
        clip[step, 2:12, 2 + speed * step : 12 + speed * step] = light
    return clip


def test_what_stands_still_gives_nothing_whatever_it_is() -> None:
    assert not numbers(square(4, 0)).any() and not numbers(square(1, 3)).any()
    assert len(numbers(square(1, 3))) == len(numbers(square(5, 3))) == 23


def test_where_and_how_much_it_moves() -> None:
    slow, fast, pale = numbers(square(4, 2)), numbers(square(4, 6)), numbers(square(4, 6, light=110))
    assert fast[0] > slow[0] > 0 and fast[0] > pale[0]
    where = fast[-(CELLS**2) :].reshape(CELLS, CELLS)
    assert where[0].sum() > 0 and not where[1:].any(), "all of it in the upper part"
    assert fast[3] < 0.5 * fast[0], "a square that moves does not make the picture lighter"
    flash = np.repeat(np.array([90, 120, 90, 120], np.uint8), 64 * 64 * 3).reshape(4, 64, 64, 3)
    assert numbers(flash)[3] == numbers(flash)[0] == 30


def test_a_head_on_them_tells_the_fast_from_the_slow() -> None:
    random = np.random.default_rng(0)
    gold = np.arange(40) % 2
    known = np.stack([numbers(square(4, 5 if one else 1, light=int(random.integers(130, 250)))) for one in gold])
    found = solved(known[:30], gold[:30], 2, known[30:])
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found.argmax(axis=1) == gold[30:]).all()
    several = solved(known[:30], np.stack([gold[:30], 1 - gold[:30]], axis=1).astype(np.float32), 2, known[30:])
    assert ((several > 0.5)[:, 0] == gold[30:].astype(bool)).all()
    alone = solved(known[:30], np.ones(30, np.int64), 2, known[30:])
    assert (alone.argmax(axis=1) == 1).all(), "of one label alone"
