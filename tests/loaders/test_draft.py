"""Drafts of a mapping: folders whose right mapping is known, loaded with the draft as it is."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graphfeed.errors import SourceError
from graphfeed.loaders import open_loader
from graphfeed.loaders.columns import words_of
from graphfeed.loaders.draft import draft_mapping
from graphfeed.loaders.mapping import parse_mapping


def load(folder: Path, read):
    """Everything that the folder's draft loads."""
    return read(open_loader("tables", folder, mapping=parse_mapping(tomllib.loads(draft_mapping(folder)), "draft")))


def ends(reading, type_: str) -> set[tuple[str, str]]:
    return {(r["source"], r["target"]) for r in reading.records[type_]}


def test_a_plain_community(tmp_path: Path, read) -> None:
    files = {
        "users.csv": "user_id,username,bio,created_at\n1,ada,I grow beans,2024-01-01\n2,ben,,2024-01-02\n",
        "articles.csv": "article_id,title,body,author_id,tags,published_at,views\n"
        "10,Peas,How to grow peas,1,soil|peas,2024-02-01,7\n11,Corn,Corn is tall,,corn,2024-02-02,9\n",
        "comments.csv": "id,article_id,user_id,text,created_at\n10,10,2,Nice one,2024-02-03\n11,11,1,Oh,2024-02-04\n",
        "likes.csv": "id,userId,articleId,createdAt\n1,2,10,2024-02-03T10:00:00Z\n2,1,11,2024-02-03T11:00:00Z\n",
        "follows.csv": "follower_id,followee_id,since\n1,2,2024-01-05\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    reading = load(tmp_path, read)
    assert [(u["name"], u["about"]) for u in reading.records["User"]] == [("ada", "I grow beans"), ("ben", None)]
    posts = {p["id"]: p for p in reading.records["Post"]}
    assert set(posts) == {"10", "11", "comment-10", "comment-11"}  # both files count from 10
    assert (posts["10"]["title"], posts["10"]["text"], posts["10"]["kind"]) == ("Peas", "How to grow peas", "article")
    assert posts["10"]["created_at"].isoformat() == "2024-02-01T00:00:00"
    assert ends(reading, "POSTED") == {("1", "10"), ("2", "comment-10"), ("1", "comment-11")}
    assert ends(reading, "REPLIES_TO") == {("comment-10", "10"), ("comment-11", "11")}
    assert ends(reading, "MENTIONS") == {("10", "soil"), ("10", "peas"), ("11", "corn")}
    assert ends(reading, "LIKED") == {("2", "10"), ("1", "11")}
    assert ends(reading, "FOLLOWS") == {("1", "2")}
    assert reading.rejects.reasons == {}
    assert "# Not used: views" in draft_mapping(tmp_path)


def test_events_with_an_action_and_ratings(tmp_path: Path, read) -> None:
    (tmp_path / "events.tsv").write_text(
        "user\titem\taction\ttimestamp\na\tx\tview\t1714564800\nb\tx\tlike\t1714564801\n"
    )
    (tmp_path / "ratings.csv").write_text(
        "userId,movieId,rating,timestamp\na,m,5,1714564800\nb,m,1,1714564800\na,n,3,1714564800\n"
    )
    reading = load(tmp_path, read)
    assert ends(reading, "VIEWED") == {("a", "x")}
    assert ends(reading, "LIKED") == {("b", "x"), ("a", "m")}
    assert ends(reading, "DISLIKED") == {("b", "m")}
    assert reading.records["VIEWED"][0]["at"].isoformat() == "2024-05-01T12:00:00"
    assert reading.rejects.rows_passed_over == {"events.tsv": 0, "ratings.csv": 1}  # 3 of 5 says nothing


def test_lists_in_json_lines_and_parquet(tmp_path: Path, read) -> None:
    rows = [{"id": 1, "headline": "Peas", "topics": ["soil", "peas"], "parent_id": None}, {"id": 2, "parent_id": 1}]
    (tmp_path / "posts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pq.write_table(
        pa.table({"topic_id": ["soil"], "name": ["Soil"], "aliases": [["earth"]]}), tmp_path / "topics.parquet"
    )
    (tmp_path / "topic_relations.csv").write_text("topic_id,other_topic_id,relation\nsoil,soil,same\n")
    reading = load(tmp_path, read)
    assert ends(reading, "MENTIONS") == {("1", "soil"), ("1", "peas")}
    assert ends(reading, "REPLIES_TO") == {("2", "1")}
    assert reading.records["Entity"][0]["aliases"] == ["earth"]
    assert [r["relation"] for r in reading.records["RELATED_TO"]] == ["same"]


def test_what_is_not_understood_stays_a_comment(tmp_path: Path, read) -> None:
    (tmp_path / "users.csv").write_text("id,name\n1,Ada\n")
    (tmp_path / "weather.csv").write_text("station,degrees\nnorth,3\n")
    draft = draft_mapping(tmp_path)
    assert "# Not understood" in draft
    assert "#   station: north" in draft
    assert load(tmp_path, read).rejects.rows_read == {"users.csv": 1}


def test_nothing_to_draft_from(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="has no CSV"):
        draft_mapping(tmp_path)
    with pytest.raises(SourceError, match="is not a folder"):
        draft_mapping(tmp_path / "none")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("userIds", ["user", "id"]),
        ("in_reply_to", ["in", "reply", "to"]),
        ("userIdsha256", ["user", "idsha256"]),
        ("HTMLBody", ["html", "body"]),
        ("categories", ["category"]),
        ("people", ["person"]),
    ],
)
def test_words_of_a_name(name: str, words: list[str]) -> None:
    assert words_of(name) == words


@pytest.mark.data
def test_cofacts(data_folder: Path) -> None:
    mapping = parse_mapping(tomllib.loads(draft_mapping(data_folder / "cofacts")), "draft")
    assert [(n.file, n.label) for n in mapping.nodes] == [("replies.csv.gz", "Post")]
    assert {(r.type, r.source.column, r.target.column) for r in mapping.relationships} == {
        ("REPLIES_TO", "replyId", "articleId"),
        ("LIKED", "userIdsha256", "replyId"),
        ("DISLIKED", "userIdsha256", "replyId"),
        ("POSTED", "userIdsha256", "id"),
        ("COMMENTED", "userIdsha256", "articleId"),
    }
