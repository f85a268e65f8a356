"""In which order people engaged: worked out by hand."""

from __future__ import annotations

import numpy as np
from tests.training.worlds import moment

from graphfeed.graph.store import NO_TIME
from graphfeed.training.links import Links
from graphfeed.training.order import Order


def links(*rows: tuple[int, int, float | None]) -> Links:
    """Links (person, post, day) in order of time."""
    ordered = sorted(rows, key=lambda row: moment(row[2]))
    source, target = (np.array([row[i] for row in ordered], dtype=np.int64) for i in (0, 1))
    return Links(source, target, np.array([moment(row[2]) for row in ordered], dtype=np.int64))


def test_what_people_went_on_to() -> None:
    order = Order.of(links((0, 2, 1.0), (1, 2, 0.5), (0, 0, 2.0), (1, 0, 3.0), (0, 1, 4.0)))
    expected = np.zeros((3, 3))
    expected[2, 0] = 2  # both went from 2 to 0
    expected[0, 1] = 1
    expected[2, 1] = 1 / 2  # the second act after 2
    assert np.allclose(order.next(3).toarray(), expected)


def test_weights_halve_from_the_last_act_on() -> None:
    order = Order.of(links((0, 2, 1.0), (1, 2, 0.5), (0, 0, 2.0), (0, 1, 4.0)))
    weight = dict(zip(zip(order.links.source, order.links.target, strict=True), order.fading(1.0), strict=True))
    assert weight == {(0, 1): 1.0, (0, 0): 0.5, (0, 2): 0.25, (1, 2): 1.0}
    assert np.allclose(sorted(order.fading(2.0)), [0.5, 0.5**0.5, 1, 1])


def test_what_has_no_time_has_no_order() -> None:
    order = Order.of(links((0, 2, None), (0, 1, None), (0, 0, 1.0)))
    assert len(order.links) == 1
    assert NO_TIME not in order.links.time
    assert order.next(3).nnz == 0
