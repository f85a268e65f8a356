"""What the report counts, on worlds whose right answer is known."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from tests.face.test_injection import BREAKERS, location, state  # noqa: F401

from graphfeed.graph.store import Counts
from graphfeed.report.community import Community, Pairs
from graphfeed.report.degrees import degrees_section, top_share
from graphfeed.report.figures import NARROW, WIDE
from graphfeed.report.growth import growth_section
from graphfeed.report.quality import warmth_section
from graphfeed.report.vector_map import project

DAY = 86_400 * 10**6


def community(acts: list[tuple[int, int, int]], people: int = 20, posts: int = 3) -> Community:
    """People who engaged with posts, one a row: person, post, day."""
    none = Pairs(*(np.zeros(0, np.int64) for _ in range(3)))
    columns = [np.array(c, dtype=np.int64) for c in zip(*acts, strict=True)]
    at = columns[2] * DAY
    ids = {label: pa.array([str(i) for i in range(n)], pa.string()) for label, n in (("User", people), ("Post", posts))}
    ids["Entity"] = pa.array([], pa.string())
    time = np.full(posts, np.iinfo(np.int64).min)
    return Community(
        Counts({}, {}), ids, ["note"] * posts, [], time, np.full(people, np.iinfo(np.int64).min),
        Pairs(columns[0], columns[1], at), none, none, none,
    )  # fmt: skip


def test_what_is_counted_is_right() -> None:
    # Person 0 likes all three, 1 to 9 one each: a tenth of ten who did anything did 3 of 12 things.
    world = community([(0, p, 10) for p in range(3)] + [(u, 0, 100 + u) for u in range(1, 10)])
    assert world.acts_of_people().tolist() == [3, *[1] * 9, *[0] * 10]
    assert world.acts_on_posts().tolist() == [10, 1, 1]
    found = degrees_section(world)
    assert found.finding == (
        "The most active tenth did 25 % of all that people did; 90 % of those who did anything engaged with one post"
        " only."
    )
    assert found.tables[0].rows[0][:8] == ("posts engaged with, per person", 10, 10, 1, 1, 1, 3, 1.2)
    assert top_share(np.array([0, 0, 5, 5]), 0.5) == 1.0
    grown = growth_section(world)
    assert grown.text == ["By week, from 1970-01-05 to 1970-04-20 (UTC)."]  # the Mondays of days 10 and 109
    rows = grown.tables[0].rows
    assert [int(sum(r[2] for r in rows)), rows[-1][3], rows[-1][5]] == [12, 10, 12]  # type: ignore[arg-type, misc]


def test_a_person_who_did_two_things_to_a_post_engaged_with_one_post() -> None:
    assert community([(0, 1, 1), (0, 1, 2)]).acts_of_people().sum() == 1


def test_the_map_keeps_groups_together() -> None:
    random = np.random.default_rng(0)
    centres = np.repeat(np.eye(4, 16), 40, axis=0)
    places = project((centres + 0.05 * random.normal(size=centres.shape)).astype(np.float32))
    assert places.shape == (160, 2)
    group = np.repeat(np.arange(4), 40)
    middles = np.stack([np.median(places[group == g], axis=0) for g in range(4)])
    nearest = np.linalg.norm(places[:, None] - middles, axis=2).argmin(axis=1)
    assert (nearest == group).mean() > 0.95


def test_parts_are_compared_with_rules_where_there_are_any() -> None:
    rows = [
        {"slice": part, "kind": kind, "model": name, "users": 9, "questions": 9}
        | {"ndcg@10": value, "ndcg@10_low": value - 0.1, "ndcg@10_high": value + 0.1}
        for part, value in (("warm_users", 0.5), ("cold_users", 0.25))
        for kind, name in (("model", "linear"), ("baseline", "newest"))
    ]
    for shown, ruled in ((rows, True), (rows[::2], False)):
        section = warmth_section({"kind": "posts", "at": [10, 20], "rows": shown})
        assert section.finding == "People with a past get lists of NDCG@10 0.500, people without one 0.250."
        said = " ".join([*section.text, section.figures[0].title])
        assert ("rule" in said) == ruled
        assert [row[3] for row in section.tables[0].rows] == (["linear", "newest"] * 2 if ruled else ["linear"] * 2)
        for frame in (WIDE, NARROW):
            drawn = section.figures[0].draw(frame)
            label = drawn.axes[0].xaxis.label
            assert ("rule" in label.get_text()) == ruled
            assert drawn.bbox.x0 <= label.get_window_extent().x0
            assert label.get_window_extent().x1 <= drawn.bbox.x1
