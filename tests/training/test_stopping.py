"""When a signal ends what is under way."""

from __future__ import annotations

import os
import signal

import pytest

from ftkit.training.stopping import stoppable


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_ends(number: signal.Signals) -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), stoppable() as stop:
        os.kill(os.getpid(), number)
        done.append(bool(stop))
        os.kill(os.getpid(), number)
        done.append(False)
    assert done == [True]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_where_nothing_is_lost_the_first_signal_ends(number: signal.Signals) -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), stoppable() as stop, stop.at_once():
        done.append("begun")
        os.kill(os.getpid(), number)
        done.append("went on")
    assert done == ["begun"]


def test_what_loses_nothing_is_not_begun_once_a_stop_was_asked_for() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), stoppable() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        done.append("the step is finished")
        with stop.at_once():
            done.append("begun")
    assert done == ["the step is finished"]


def test_handlers_are_as_they_were_afterwards() -> None:
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    with stoppable() as stop, stop.at_once():
        pass
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before
