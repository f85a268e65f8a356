"""kill -9 at random moments: the store opens by itself, nothing acknowledged is lost, nothing is half there.

A child process changes a store in a loop and prints a line after each change that it was told is committed; the parent
kills it. ``GRAPHFEED_KILLS`` says how many rounds there are of each kind (``make torture``: 200).
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from graphfeed.graph.schema import PREDICTED
from graphfeed.graph.store import GraphStore, open_store
from graphfeed.loaders.records import RELATIONSHIP_TYPES

KILLS = int(os.environ.get("GRAPHFEED_KILLS", "7"))
ROOT = Path(__file__).parents[2]
PER_CHANGE = 400
"""Users, and LIKED relationships, of one change of the loading child."""

CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from graphfeed.graph.store import open_store
from tests.graph import test_kill
store = open_store(sys.argv[2], create=True)
test_kill.{work}(store, int(sys.argv[3]))
"""


def acknowledge(what: object) -> None:
    """Tell the parent, from the child, that something is committed."""
    print(what, flush=True)


def kill_round(script: str, arguments: list[str], delay: float, printed: Path, after: int = 1) -> list[str]:
    """Run a Python script, kill it ``delay`` seconds after line number ``after``, and give the whole lines it printed.

    They go through the file ``printed``. A script that ends by itself fails the test: there was nothing to kill.
    """
    with printed.open("w") as output:
        child = subprocess.Popen(
            [sys.executable, "-c", script, *arguments], stdout=output, stderr=subprocess.PIPE, text=True
        )
        while printed.read_text().count("\n") < after and child.poll() is None:
            time.sleep(0.005)
        time.sleep(delay)
        child.kill()
        _, errors = child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL, f"the child ended by itself ({child.returncode}): {errors[-2000:]}"
    return [line for line in printed.read_text().splitlines(keepends=True) if line.endswith("\n")]


def load_forever(store: GraphStore, start: int) -> None:
    """The loading child: change n writes PER_CHANGE users who like post n, and rewrites the post "last"."""
    from tests.store_contract import links, nodes

    acknowledge("ready")
    for number in range(start, start + 10_000):
        ids = [f"{number}-{i}" for i in range(PER_CHANGE)]
        with store.change(f"load {number}") as change:
            for low in range(0, PER_CHANGE, 100):
                change.write_nodes("User", nodes("User", ids[low : low + 100]))
            change.write_nodes("Post", nodes("Post", [f"post {number}", "last"], title=[None, str(number)]))
            change.write_relationships("LIKED", "User", "Post", links("LIKED", [(i, f"post {number}") for i in ids]))
        acknowledge(number)


def publish_forever(store: GraphStore, start: int) -> None:
    """The publishing child: generation n recommends all three posts to all users."""
    from tests.store_contract import nodes, publish

    users, posts = [f"u{i}" for i in range(100)], ["p", "q", "r"]
    with store.change("load") as change:
        change.write_nodes("User", nodes("User", users))
        change.write_nodes("Post", nodes("Post", posts))
    acknowledge("ready")
    for number in range(start, start + 10_000):
        publish(store, f"g{number}", [(u, p) for u in users for p in posts], number)
        acknowledge(number)


def rebuild_forever(store: GraphStore, start: int) -> None:
    """The reading child: it loses the index again and again, and asks a question that needs one."""
    from tests.store_contract import nodes

    with store.change("load") as change:
        change.write_nodes("User", nodes("User", [f"u{i}" for i in range(100)]))
    acknowledge("ready")
    for number in range(start, start + 10_000):
        for index in store.workspace.glob("index-*"):
            index.unlink()
        with open_store(store.workspace) as again:
            assert again.cypher("MATCH (u:User) RETURN count(*) AS n") == [{"n": 100}]
        acknowledge(number)


def check_agreement(store: GraphStore) -> None:
    """The index holds what the journal holds."""
    counts = store.counts()
    for label in ("User", "Post", "Entity"):
        assert store.cypher(f"MATCH (n:{label}) RETURN count(*) AS n") == [{"n": len(store.node_ids(label))}]
        assert counts.nodes[label] == len(store.node_ids(label))
    for type_ in RELATIONSHIP_TYPES:
        found = sum(len(relation.source) for relation in store.read_relation(type_))
        assert store.cypher(f"MATCH ()-[r:{type_}]->() RETURN count(*) AS n") == [{"n": found}]
        assert counts.relationships[type_] == found
    for type_ in PREDICTED:
        rows = store.cypher(f"MATCH ()-[r:{type_}]->() RETURN count(*) AS n")
        assert rows == [{"n": counts.relationships[type_]}]


def check_load(store: GraphStore, acknowledged: int) -> int:
    """Every acknowledged change is there, at most one more is, and each is whole. Gives the last one's number."""
    users, posts = store.node_ids("User").to_pylist(), store.node_ids("Post").to_pylist()
    last = len([post for post in posts if post != "last"])
    assert acknowledged <= last <= acknowledged + 1
    assert users == [f"{number}-{i}" for number in range(1, last + 1) for i in range(PER_CHANGE)]
    titles = dict(zip(posts, store.read_nodes("Post", ["title"])["title"].to_pylist(), strict=True))
    assert titles.get("last") == (str(last) if last else None)
    liked = store.cypher("MATCH (:User)-[r:LIKED]->(p:Post) RETURN p.id AS id, count(*) AS n")
    assert {row["id"]: row["n"] for row in liked} == {f"post {n}": PER_CHANGE for n in range(1, last + 1)}
    return last


def check_publish(store: GraphStore, acknowledged: int) -> int:
    """The active generation is the last acknowledged one or the one after, whole, with the one before beside it."""
    from tests.store_contract import SEEN

    generations = store.generations()
    if not generations:
        assert acknowledged == 0
        return 0
    last = int(generations[0].id[1:])
    assert acknowledged <= last <= acknowledged + 1
    assert [(g.id, g.active) for g in generations] == [(f"g{last}", True), (f"g{last - 1}", False)][: len(generations)]
    assert len(generations) == min(last, 2)
    rows = store.cypher(SEEN)
    assert len(rows) == 300
    assert {row["generation"] for row in rows} == {f"g{last}"}
    assert store.counts().relationships["RECOMMENDED"] == 300 * len(generations)
    return last


def check_rebuild(store: GraphStore, acknowledged: int) -> int:
    """Nothing was written, so nothing changed."""
    assert len(store.node_ids("User")) == 100 or not acknowledged
    return acknowledged


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("work", "check"),
    [("load_forever", check_load), ("publish_forever", check_publish), ("rebuild_forever", check_rebuild)],
    ids=["load", "publish", "rebuild"],
)
def test_killed_writer(tmp_path: Path, work: str, check: Callable[[GraphStore, int], int]) -> None:
    """Kills of one and the same store: each round goes on from what the kill before left."""
    dice = random.Random(work)
    folder, last, total = tmp_path / "feed", 0, 0
    for round_ in range(KILLS):
        if round_ % 20 == 19:  # a fresh store now and then, so that a round stays cheap
            folder, last = tmp_path / f"feed {round_}", 0
        arguments = [str(ROOT), str(folder), str(last + 1)]
        # Every second kill falls after a first commit, however slow the machine is.
        delay, after = dice.uniform(0, 0.8), 1 + round_ % 2
        lines = kill_round(CHILD.format(work=work), arguments, delay, tmp_path / "printed", after)
        acknowledged = max([last, *(int(line) for line in lines if line.strip().isdigit())])
        with open_store(folder) as store:
            total -= last
            last = check(store, acknowledged)
            total += last
            check_agreement(store)
    assert total >= KILLS // 2, "the children were killed before they committed anything: nothing was tested"
