"""The collector's settings: what was loaded is left alone, what is made later is still collected."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from poju.node import collector


@pytest.fixture
def settled() -> Iterator[None]:
    before = gc.get_threshold()
    collector.settle()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


class Ring:
    """Holds itself, so that only the collector can let go of it."""

    def __init__(self) -> None:
        self.own = self


@pytest.mark.usefixtures("settled")
def test_what_was_loaded_is_left_alone_and_later_cycles_are_collected() -> None:
    assert gc.get_freeze_count() > 10_000
    ring = weakref.ref(Ring())
    assert ring() is not None
    # a look at the youngest comes by itself, after as many containers as the setting says
    kept = [[] for _number in range(collector.YOUNG + 1_000)]
    assert len(kept) > collector.YOUNG
    assert ring() is None
