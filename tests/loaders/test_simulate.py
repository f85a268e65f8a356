"""A simulated community: the size asked for, the same for a seed, drawn by the chances that it says, and loadable."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from graphfeed.errors import ConfigError
from graphfeed.graph.ingest import ingest
from graphfeed.graph.store import Counts, open_store
from graphfeed.loaders.mapping import parse_mapping
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES, Chunk, Nodes, node_schema, relationship_schema
from graphfeed.loaders.rejected import Rejects
from graphfeed.loaders.simulate import SimulatedCommunity, Simulation
from graphfeed.loaders.simulate.behaviour import Hour, _picked, acts, chances
from graphfeed.loaders.simulate.files import write_files
from graphfeed.loaders.simulate.planted import DAY, FIRST_DAY, HOUR, TAGS_A_TOPIC, plant
from graphfeed.loaders.simulate.words import COMMON, OF_A_TOPIC, words
from graphfeed.loaders.tables import TablesLoader

SMALL = Simulation(people=300, posts=400, acts=5_000, days=20, seed=3)


def chunks_of(simulation: Simulation, tmp_path: Path) -> list[Chunk]:
    return list(SimulatedCommunity(simulation).chunks(Rejects(tmp_path / "rejected.csv", strict=True)))


def rows_of(chunks: list[Chunk], name: str) -> pa.Table:
    return pa.concat_tables(c.rows for c in chunks if name in (c.label if isinstance(c, Nodes) else c.type,))


def test_records_have_their_schemas_and_refer_to_nodes_that_came_before(tmp_path: Path) -> None:
    ids: dict[str, set[str]] = {label: set() for label in NODE_TYPES}
    for chunk in chunks_of(SMALL, tmp_path):
        if isinstance(chunk, Nodes):
            assert chunk.rows.schema == node_schema(chunk.label)
            ids[chunk.label].update(chunk.rows["id"].to_pylist())
        else:
            assert chunk.rows.schema == relationship_schema(chunk.type)
            for end, label in (("source", chunk.source_label), ("target", chunk.target_label)):
                assert set(chunk.rows[end].to_pylist()) <= ids[label]
    assert [len(ids[label]) for label in ("User", "Post")] == [300, 400]
    assert len(ids["Entity"]) == SMALL.topics * (TAGS_A_TOPIC + 1)


def test_times_are_in_order_and_nobody_acts_before_they_joined_or_on_what_is_not_there(tmp_path: Path) -> None:
    planted = plant(SMALL)
    found = list(acts(planted))
    person, post, at = (np.concatenate([getattr(a, n) for a in found]) for n in ("person", "post", "at"))
    assert 0.95 * SMALL.acts < len(at) <= SMALL.acts
    assert (np.diff(at) >= 0).all()
    assert at[0] >= FIRST_DAY
    assert at[-1] < SMALL.end
    assert (at >= planted.joined[person]).all()
    assert (at > planted.published[post]).all()
    assert (planted.author[post] != person).all()
    assert (planted.joined[planted.author] <= planted.published).all()
    assert len(np.unique(at // DAY)) == SMALL.days  # something on every day: windows can roll
    follows = rows_of(chunks_of(SMALL, tmp_path), "FOLLOWS")
    assert not (np.asarray(follows["source"]) == np.asarray(follows["target"])).any()


def test_the_same_seed_gives_the_same_and_another_another(tmp_path: Path) -> None:
    first, again = chunks_of(SMALL, tmp_path), chunks_of(SMALL, tmp_path)
    assert all(a.rows.equals(b.rows) for a, b in zip(first, again, strict=True))
    other = chunks_of(Simulation(300, 400, 5_000, 20, seed=4), tmp_path)
    assert not rows_of(first, "LIKED").equals(rows_of(other, "LIKED"))


def test_acts_are_drawn_by_the_chances_that_are_told() -> None:
    """40,000 picks of one person at one hour against their chances, for some people that follow somebody."""
    planted = plant(SMALL)
    hour = Hour(planted)
    hour.advance(FIRST_DAY + 11 * DAY)
    every = np.arange(SMALL.posts)
    follows = np.diff(planted.follow_start)
    rng = np.random.default_rng(1)
    for person in (int(follows.argmax()), int(follows.argmin()), 17):
        expected = chances(hour, np.array([person]), every)[0]
        assert expected.sum() == pytest.approx(1)
        picked = _picked(rng, hour, np.full(40_000, person))
        counts = np.bincount(picked, minlength=SMALL.posts)
        assert not counts[expected == 0].any()
        often = expected * 40_000 >= 5
        seen = np.append(counts[often], counts[~often].sum())
        told = np.append(expected[often], expected[~often].sum()) * 40_000
        kept = told > 0
        assert stats.chisquare(seen[kept], told[kept] * seen[kept].sum() / told[kept].sum()).pvalue > 0.001


def test_a_moment_is_the_same_whether_rolled_to_or_jumped_to() -> None:
    planted = plant(SMALL)
    rolled, jumped = Hour(planted), Hour(planted)
    for hour in range(200):
        rolled.advance(FIRST_DAY + hour * HOUR)
    jumped.advance(FIRST_DAY + 199 * HOUR)
    assert np.array_equal(rolled.posts, jumped.posts)
    assert np.array_equal(rolled.sum, jumped.sum)
    people, posts = np.arange(50), np.array([3, 390, 200])  # some columns, in any order
    whole = chances(rolled, people, np.arange(SMALL.posts))
    assert np.allclose(chances(jumped, people, posts), whole[:, posts])


def test_interests_show_in_what_people_do() -> None:
    planted = plant(SMALL)
    found = list(acts(planted))
    person, post = (np.concatenate([getattr(a, n) for a in found]) for n in ("person", "post"))
    shuffled = np.random.default_rng(0).permutation(person)
    share, by_chance = (
        ((planted.interests[who] == planted.topic[post][:, None]) & (planted.shares[who] > 0)).any(axis=1).mean()
        for who in (person, shuffled)
    )
    assert share > 0.7
    assert share > 1.8 * by_chance
    activity = np.bincount(person, minlength=300)
    assert np.sort(activity)[-30:].sum() > 0.25 * activity.sum()  # a tenth of the people does much of it


def test_texts_are_of_their_topics_words(tmp_path: Path) -> None:
    planted = plant(SMALL)
    vocabulary = words(SMALL.topics).to_pylist()
    assert len(set(vocabulary)) == len(vocabulary)
    whose = {word: (i - COMMON) // OF_A_TOPIC for i, word in enumerate(vocabulary) if i >= COMMON}
    posts = rows_of(chunks_of(SMALL, tmp_path), "Post")
    right = other = 0
    for topic, text in zip(planted.topic.tolist(), posts["text"].to_pylist(), strict=True):
        found = [whose[word] for word in text.split() if word in whose]
        right += found.count(topic)
        other += len(found) - found.count(topic)
    assert right > 1_000
    assert other == 0


@pytest.mark.parametrize("format_", ["parquet", "csv"])
def test_the_files_load_as_the_very_same_graph(tmp_path: Path, format_: str) -> None:
    folder = tmp_path / "community"
    rows = write_files(SimulatedCommunity(SMALL), folder, format_)  # type: ignore[arg-type]
    assert sorted(p.name for p in folder.iterdir()) == sorted([*rows, "graphfeed.toml"])
    import tomllib

    mapping = parse_mapping(tomllib.loads((folder / "graphfeed.toml").read_text(encoding="utf-8")), "graphfeed.toml")
    graphs: list[tuple[Counts, list[tuple[str, int]], list[object]]] = []
    for name, loader in (("tables", TablesLoader(folder, mapping=mapping)), ("straight", SimulatedCommunity(SMALL))):
        with open_store(tmp_path / name, create=True) as store:
            report = ingest(store, loader, strict=True)
            assert report.read == report.kept == sum(rows.values())
            posts = store.read_nodes("Post", ["title", "text", "kind", "platform", "created_at"])
            liked = [
                (r.type, int(r.at.sum()), int(r.count.sum()))
                for t in RELATIONSHIP_TYPES
                for r in store.read_relation(t)
            ]
            graphs.append((report.graph, liked, posts.to_pylist()))
    assert graphs[0] == graphs[1]


def test_a_folder_that_has_something_stays_as_it_is_and_nothing_half_written_stays(tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match="is there already"):
        write_files(SimulatedCommunity(SMALL), full)
    assert [p.name for p in full.iterdir()] == ["mine.txt"]

    def stop(file: str, rows: int) -> None:
        if file.startswith("follows"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_files(SimulatedCommunity(SMALL), tmp_path / "new", progress=stop)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["full"]
    with pytest.raises(ConfigError, match="cannot be written"):
        write_files(SimulatedCommunity(SMALL), full / "mine.txt" / "community")
    with pytest.raises(ConfigError, match="format"):
        write_files(SimulatedCommunity(SMALL), tmp_path / "new", "xml")  # type: ignore[arg-type]


@pytest.mark.parametrize("sizes", [(2, 1, 0, 1), (2, 1, 50, 1), (3, 40, 500, 2), (500, 3, 400, 3)])
def test_the_smallest_communities_are_made_too(sizes: tuple[int, int, int, int], tmp_path: Path) -> None:
    found = chunks_of(Simulation(*sizes), tmp_path)
    assert rows_of(found, "User").num_rows == sizes[0]
    assert rows_of(found, "Post").num_rows == sizes[1]


def test_a_name_says_the_whole_simulation() -> None:
    assert Simulation.of_name(SMALL.name) == SMALL
    assert Simulation.of_name("sample") is None
    assert Simulation.of_name("simulated people=3") is None
    for wrong in ({"people": 1}, {"posts": 0}, {"days": 0}, {"seed": -1}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            Simulation(**wrong)
