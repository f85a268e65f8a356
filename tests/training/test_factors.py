"""Factors: planted groups are found, people and posts that came later are served, a file gives the same numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares
from tests.training.worlds import world

from graphfeed.training.factors import Factors, factor_widths, fit_factors
from graphfeed.training.model import LinearModel, load_model
from graphfeed.training.settings import FactorSettings, ModelSettings
from graphfeed.training.snapshot import Past, Snapshot
from graphfeed.training.split import make_split

GROUPS = [(u, p, 1 + (u * 7 + p) % 40) for u in range(20) for p in range(30) if u % 2 == p % 2 and (u + p) % 3]


def fitted(**settings: object) -> tuple[Factors, ...]:
    graph = world(20, [(0, "")] * 31, {"LIKED": GROUPS})
    return fit_factors(Snapshot(Past(graph), graph.latest_time()), [], FactorSettings(**settings), 0)


def test_the_other_posts_of_a_group_come_first() -> None:
    (factors,) = fitted(widths=(2,), strengths=((10.0, 0.1),))
    links = sp.csr_matrix((np.ones(2, np.float32), ([0, 1], [0, 1])), shape=(2, 31))
    even, odd = factors.scores(links, np.arange(31))
    assert even[2:30:2].min() > even[3:30:2].max()  # somebody new, with one link
    assert odd[3:30:2].min() > odd[2:30:2].max()
    assert even[30] == 0  # nobody engaged with it


def test_people_follow_from_their_links_as_the_model_has_it() -> None:
    """Few links and many, against the library's own solution of the whole system."""
    random = np.random.default_rng(0)
    links = sp.random(40, 60, 0.1, format="csr", random_state=0, dtype=np.float32)
    links.data[:] = 1
    model = AlternatingLeastSquares(factors=8, alpha=30.0, regularization=0.1, num_threads=1)
    model.item_factors = random.standard_normal((60, 8)).astype(np.float32)
    sizes = np.diff(links.indptr)
    assert sizes.min() < 4
    assert sizes.max() > 8
    expected = model.recalculate_user(np.arange(40), links)
    assert np.allclose(Factors(model.item_factors, 30.0, 0.1).people(links), expected, atol=1e-4)


def test_scores_do_not_depend_on_who_else_is_asked_for() -> None:
    (factors,) = fitted(widths=(8,))
    links = sp.csr_matrix(np.eye(31, dtype=np.float32)[:9])
    together = factors.scores(links, np.arange(31))
    alone = np.concatenate([factors.scores(links[i : i + 1], np.arange(31)) for i in range(9)])
    assert np.allclose(together, alone, atol=1e-6)


def test_posts_that_came_later_have_no_factors() -> None:
    (factors,) = fitted(widths=(4,))
    links = sp.csr_matrix((np.ones(1, np.float32), ([0], [35])), shape=(1, 40))
    assert not factors.scores(links, np.arange(40)).any()


def test_widths_follow_the_number_of_links() -> None:
    automatic = FactorSettings()
    assert factor_widths(automatic, 1_000_000, (5_000, 9_000)) == (125, 250, 500, 768)
    assert factor_widths(automatic, 100, (5, 900)) == (5,)
    assert factor_widths(automatic, 10_000_000, (1_000_000, 1_000_000)) == (17, 34, 67, 134)  # a gibibyte at most
    assert factor_widths(FactorSettings(widths=(3, 12)), 100, (50, 900)) == (3, 12)
    assert factor_widths(automatic, 0, (0, 0)) == ()


def test_a_saved_model_scores_as_before(tmp_path: Path) -> None:
    split = make_split(world(20, [(0, "")] * 31, {"LIKED": GROUPS}))
    model = LinearModel(ModelSettings(parts=("factors",)))
    model.fit(split)
    assert set(model.weights["posts"]) == {f.name for f in model.factors}
    model.save(tmp_path)
    users = np.arange(20)
    before, after = (m.scorer(split.final).scores(users) for m in (model, load_model(tmp_path)))
    assert before.any()
    assert np.array_equal(before, after)
