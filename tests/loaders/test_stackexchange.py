"""Stack Exchange dumps: a small site whose graph is known, the same site with faults, and the real dumps."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest

from graphfeed.errors import RejectedRowError, SourceError
from graphfeed.loaders.stackexchange import StackExchangeLoader

DAY = "2024-05-{:02d}T12:00:00.500"


def day(number: int) -> datetime:
    return datetime(2024, 5, number, 12, 0, 0, 500_000)


def write(folder: Path, name: str, rows: list[dict[str, str] | str], tail: str = "") -> None:
    """A dump file; a row that is a string goes in as it is."""
    lines = [
        row if isinstance(row, str) else "  <row " + " ".join(f"{k}={quoteattr(v)}" for k, v in row.items()) + " />"
        for row in rows
    ]
    root = name.removesuffix(".xml").lower()
    text = "\n".join(['\ufeff<?xml version="1.0" encoding="utf-8"?>', f"<{root}>", *lines, tail or f"</{root}>"])
    (folder / name).write_text(text, encoding="utf-8", newline="\r\n")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "gardening.test"
    folder.mkdir()
    write(
        folder,
        "Users.xml",
        [
            {"Id": "-1", "DisplayName": "Community", "CreationDate": DAY.format(1)},
            {"Id": "1", "DisplayName": "Ada", "AccountId": "77", "AboutMe": "<p>I grow <b>beans</b>.</p>"},
            {"Id": "2", "DisplayName": "Ben", "AccountId": "78", "CreationDate": DAY.format(1), "AboutMe": " "},
            {"Id": "3", "DisplayName": "Cleo"},
        ],
    )
    question = {"PostTypeId": "1", "OwnerUserId": "1", "Title": "Peas & beans", "Tags": "<soil><peas>"}
    answer = {"PostTypeId": "2", "ParentId": "1", "CreationDate": DAY.format(3)}
    write(
        folder,
        "Posts.xml",
        [
            {"Id": "2", **answer, "OwnerUserId": "2", "Body": "<p>Use</p><pre><code>a &lt; b</code></pre>"},
            {
                "Id": "1",
                **question,
                "CreationDate": DAY.format(2),
                "Body": "<p>How?<br>Why $x^2$?</p><script>x</script>",
            },
            {"Id": "3", **answer, "OwnerUserId": "1", "Body": "<p>My own answer"},
            {"Id": "4", **answer, "OwnerDisplayName": "user9", "Body": ""},  # its user was deleted
            {"Id": "5", "PostTypeId": "1", "OwnerUserId": "3", "Tags": "|peas|", "CreationDate": DAY.format(4)},
            {"Id": "90", "PostTypeId": "4", "Body": "What things grow in."},
            {"Id": "91", "PostTypeId": "5", "Body": "<p>All about soil</p>"},
            {"Id": "92", "PostTypeId": "5", "Body": "<p>All about peas</p>"},
            {"Id": "93", "PostTypeId": "6", "Body": "nomination"},
        ],
    )
    write(
        folder,
        "Tags.xml",
        [
            {"Id": "1", "TagName": "soil", "ExcerptPostId": "90", "WikiPostId": "91"},
            {"Id": "2", "TagName": "peas", "ExcerptPostId": "999", "WikiPostId": "92"},
            {"Id": "3", "TagName": "unused"},
        ],
    )
    write(
        folder,
        "Comments.xml",
        [
            {"Id": "7", "PostId": "1", "UserId": "2", "Text": "x <  y\n\nand", "CreationDate": DAY.format(5)},
            {"Id": "8", "PostId": "2", "UserId": "3", "Text": "on an answer", "CreationDate": DAY.format(6)},
            {"Id": "9", "PostId": "2", "UserId": "1", "Text": "in my own thread", "CreationDate": DAY.format(7)},
            {"Id": "10", "PostId": "1", "Text": "deleted user", "CreationDate": DAY.format(8)},
            {"Id": "11", "PostId": "1", "UserId": "2", "Text": "again", "CreationDate": DAY.format(9)},
        ],
    )
    write(
        folder,
        "Votes.xml",
        [
            {"Id": "1", "PostId": "1", "VoteTypeId": "2", "CreationDate": DAY.format(5)},
            {"Id": "2", "PostId": "1", "VoteTypeId": "5", "UserId": "3", "CreationDate": DAY.format(5)},
            {"Id": "3", "PostId": "1", "VoteTypeId": "5", "CreationDate": DAY.format(5)},
        ],
    )
    write(
        folder,
        "PostLinks.xml",
        [
            {"Id": "1", "PostId": "5", "RelatedPostId": "1", "LinkTypeId": "3", "CreationDate": DAY.format(5)},
            {"Id": "2", "PostId": "1", "RelatedPostId": "5", "LinkTypeId": "1", "CreationDate": DAY.format(5)},
            {"Id": "3", "PostId": "1", "RelatedPostId": "5", "LinkTypeId": "9", "CreationDate": DAY.format(5)},
        ],
    )
    return folder


def triples(reading, type_: str) -> list[tuple[str, str, datetime]]:
    return sorted((r["source"], r["target"], r["at"]) for r in reading.records[type_])


def test_clean_world(site: Path, read) -> None:
    reading = read(StackExchangeLoader(site))
    users = {r["id"]: r for r in reading.records["User"]}
    assert users["1"] == {
        "id": "1", "name": "Ada", "about": "I grow beans.", "platform": "gardening.test", "account": "77",
        "created_at": None, "line": 4,
    }  # fmt: skip
    assert (users["2"]["about"], users["-1"]["created_at"]) == (None, day(1))
    posts = {r["id"]: r for r in reading.records["Post"]}
    assert {k: p["kind"] for k, p in posts.items()} == {
        "1": "question", "2": "answer", "3": "answer", "4": "answer", "5": "question",
        "c7": "comment", "c8": "comment", "c9": "comment", "c10": "comment", "c11": "comment",
    }  # fmt: skip
    assert (posts["1"]["title"], posts["1"]["text"]) == ("Peas & beans", "How? Why $x^2$?")
    assert (posts["2"]["text"], posts["4"]["text"], posts["c7"]["text"]) == ("Use a < b", None, "x < y and")
    assert posts["1"]["created_at"] == day(2)
    assert {p["url"] for p in posts.values()} == {None}
    tags = {r["id"]: r for r in reading.records["Entity"]}
    assert {k: (t["kind"], t["text"]) for k, t in tags.items()} == {
        "soil": ("tag", "What things grow in."), "peas": ("tag", "All about peas"), "unused": ("tag", None),
    }  # fmt: skip
    assert triples(reading, "POSTED") == sorted(
        [("2", "2", day(3)), ("1", "1", day(2)), ("1", "3", day(3)), ("3", "5", day(4)), ("2", "c7", day(5)),
         ("3", "c8", day(6)), ("1", "c9", day(7)), ("2", "c11", day(9))]
    )  # fmt: skip
    assert {(r["source"], r["target"], r["kind"]) for r in reading.records["REPLIES_TO"]} == {
        ("2", "1", "answer"), ("3", "1", "answer"), ("4", "1", "answer"), ("c7", "1", "comment"),
        ("c8", "2", "comment"), ("c9", "2", "comment"), ("c10", "1", "comment"), ("c11", "1", "comment"),
    }  # fmt: skip
    assert triples(reading, "COMMENTED") == [
        ("2", "1", day(3)),  # answered, before the question's own row in the file
        ("2", "1", day(5)),
        ("2", "1", day(9)),
        ("3", "1", day(6)),  # commented on an answer: the thread's question
    ]
    assert triples(reading, "SAVED") == [("3", "1", day(5))]
    assert {(r["source"], r["target"], r["said_by"], r["confidence"]) for r in reading.records["MENTIONS"]} == {
        ("1", "soil", "data", 1.0), ("1", "peas", "data", 1.0), ("5", "peas", "data", 1.0),
    }  # fmt: skip
    assert {(r["source"], r["target"], r["kind"]) for r in reading.records["LINKS_TO"]} == {
        ("5", "1", "duplicate"), ("1", "5", "linked"),
    }  # fmt: skip
    assert reading.rejects.reasons == {}
    assert reading.rejects.rows_passed_over == {"Posts.xml": 4, "Votes.xml": 2, "PostLinks.xml": 1}


def test_addresses_only_where_the_site_is_said(site: Path, read) -> None:
    posts = read(StackExchangeLoader(site, site="gardening.example")).records["Post"]
    assert {p["id"]: p["url"] for p in posts if p["id"] in ("1", "2", "c7")} == {
        "1": "https://gardening.example/q/1", "2": "https://gardening.example/a/2", "c7": None,
    }  # fmt: skip


def test_dirty_world(site: Path, read) -> None:
    write(site, "Users.xml", [{"Id": "1"}, {"Id": ""}, {"DisplayName": "nobody"}, {"Id": "4", "CreationDate": "soon"}])
    write(
        site,
        "Posts.xml",
        [
            {"Id": "1", "PostTypeId": "1", "OwnerUserId": "1", "CreationDate": "x", "Tags": "<soil>"},
            {"Id": "2", "PostTypeId": "1"},
            {"Id": "3"},
            {"Id": "4", "PostTypeId": "2", "ParentId": "", "OwnerUserId": "1", "CreationDate": DAY.format(1)},
        ],
    )
    write(
        site,
        "Comments.xml",
        [
            {"Id": " ", "PostId": "2"},
            {"Id": "5", "UserId": "1", "CreationDate": DAY.format(1)},  # says not what it comments on
            {"Id": "6", "PostId": "2", "UserId": "1", "CreationDate": "2024-99-01"},
            {"Id": "7", "PostId": "junk", "UserId": "1", "CreationDate": DAY.format(1)},
        ],
    )
    write(site, "Votes.xml", [{"VoteTypeId": "5", "UserId": "", "PostId": "2"}, {"VoteTypeId": "5", "UserId": "1"}])
    reading = read(StackExchangeLoader(site))
    rejects = reading.rejects
    assert rejects.rows_rejected == {"Users.xml": 3, "Posts.xml": 2, "Comments.xml": 2, "Votes.xml": 2}
    assert rejects.records_rejected == {"Posts.xml": 1, "Comments.xml": 1}  # replies to nothing that is named
    assert rejects.reasons == {"empty id": 7, "bad date": 3, "unknown column": 1}
    assert [r["id"] for r in reading.records["Post"]] == ["2", "4", "c5", "c7"]
    assert triples(reading, "POSTED") == [("1", "4", day(1)), ("1", "c5", day(1)), ("1", "c7", day(1))]
    assert reading.records["MENTIONS"] == []  # the row of post 1 is set aside with all that it says
    assert reading.records["COMMENTED"] == []
    with pytest.raises(RejectedRowError, match=r"Users\.xml, line 4: empty id"):
        read(StackExchangeLoader(site), strict=True)


def test_optional_files_may_be_absent(site: Path, read) -> None:
    for name in ("Comments", "Votes", "Tags", "PostLinks"):
        (site / f"{name}.xml").unlink()
    reading = read(StackExchangeLoader(site))
    assert {(r["id"], r["kind"]) for r in reading.records["implied Entity"]} == {("soil", "tag"), ("peas", "tag")}
    assert len(reading.records["MENTIONS"]) == 3
    (site / "Users.xml").unlink()
    with pytest.raises(SourceError, match=r"gardening\.test has no Users\.xml, .* there is: Posts\.xml"):
        read(StackExchangeLoader(site))


def test_unreadable_xml_says_where(site: Path, read) -> None:
    write(site, "Votes.xml", ['  <row Id="1" />', '  <row Id="2" PostId=3 />'])
    with pytest.raises(SourceError, match=r"Votes\.xml, line 4, column 22: not readable as XML: not well-formed"):
        read(StackExchangeLoader(site))
    write(site, "Votes.xml", [{"Id": "1"}], tail='  <row Id="2" Po')
    with pytest.raises(SourceError, match=r"Votes\.xml, line 4, column \d+: not readable as XML: unclosed token"):
        read(StackExchangeLoader(site))
    (site / "Votes.xml").write_bytes(b"<votes><row Id='\xff'/></votes>")
    with pytest.raises(SourceError, match=r"Votes\.xml, line 1, column 17: not readable as XML"):
        read(StackExchangeLoader(site))
    (site / "Votes.xml").write_bytes(b"")
    with pytest.raises(SourceError, match=r"Votes\.xml is empty"):
        read(StackExchangeLoader(site))


def test_entity_expansion_is_refused(site: Path, read) -> None:
    (site / "Votes.xml").write_text('<!DOCTYPE v [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><v><row Id="&b;"/></v>')
    with pytest.raises(SourceError, match=r"Votes\.xml, line 1, column \d+: a document type"):
        read(StackExchangeLoader(site))


def test_chunks_come_as_the_file_is_read(site: Path, read) -> None:
    write(site, "Users.xml", [{"Id": str(n), "DisplayName": f"user {n}"} for n in range(12_000)])
    sizes = [c.rows.num_rows for c in read(StackExchangeLoader(site)).chunks if c.file == "Users.xml"]
    assert sizes == [5000, 5000, 2000]


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("quantumcomputing", {"User": 3461, "question": 612, "answer": 1060, "comment": 3413, "Entity": 154,
                              "SAVED": 710, "LINKS_TO": 327, "dangling bookmarks": 4, "dangling links": 22}),
        ("french.meta", {"User": 1703, "question": 274, "answer": 487, "comment": 1305, "Entity": 94,
                         "SAVED": 127, "LINKS_TO": 134, "dangling bookmarks": 2, "dangling links": 6}),
    ],
)  # fmt: skip
def test_real_dump(data_folder: Path, read, name: str, expected: dict[str, int]) -> None:
    reading = read(StackExchangeLoader(data_folder / "stackexchange" / name))
    found = Counter({label: len(reading.records[label]) for label in ("User", "Entity", "SAVED", "LINKS_TO")})
    found.update(Counter(r["kind"] for r in reading.records["Post"]))
    posts = {r["id"] for r in reading.records["Post"]}
    found["dangling bookmarks"] = sum(r["target"] not in posts for r in reading.records["SAVED"])
    found["dangling links"] = sum(not {r["source"], r["target"]} <= posts for r in reading.records["LINKS_TO"])
    assert found == expected
    assert not reading.rejects.reasons
    questions = [r for r in reading.records["Post"] if r["kind"] == "question"]
    assert all(r["title"] and r["text"] and r["created_at"] for r in questions)
    assert not any("<p>" in r["text"] or "&amp;" in r["text"] for r in questions)
