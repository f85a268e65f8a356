"""What a draft takes although a few cells or a name speak against it, and that it says so."""

from __future__ import annotations

import tomllib
from datetime import datetime
from pathlib import Path

import pytest

from graphfeed.loaders import open_loader
from graphfeed.loaders.draft import draft_mapping
from graphfeed.loaders.mapping import parse_mapping


def drafted(folder: Path, **files: str) -> str:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    return draft_mapping(folder)


def load(folder: Path, read):
    return read(open_loader("tables", folder, mapping=parse_mapping(tomllib.loads(draft_mapping(folder)), "draft")))


def line_of(draft: str, beginning: str) -> str:
    return next(line for line in draft.splitlines() if line.startswith(beginning))


def posts(days: list[str], column: str = "published") -> str:
    rows = "".join(f'p{number},Title,"{day}"\n' for number, day in enumerate(days))
    return f"post_id,title,{column}\n{rows}"


ISO = [f"2024-03-{day:02}" for day in range(1, 31)]


@pytest.mark.parametrize(("bad", "taken"), [(0, True), (3, True), (4, False)])
def test_a_time_column_may_have_a_few_bad_cells(tmp_path: Path, read, bad: int, taken: bool) -> None:
    draft = drafted(tmp_path, posts=posts(["yesterday"] * bad + ISO[bad:]))
    assert ('created_at = "published"' in draft) == taken
    if taken and bad:
        line = line_of(draft, "created_at")
        assert "# GUESS: 3 of 30 cells looked at are not times" in line
        assert "yesterday" in line
        assert load(tmp_path, read).rejects.reasons == {"bad date": 3}
    assert ("# GUESS" in draft) == ("above all what is marked GUESS" in draft) == (taken and bad > 0)


@pytest.mark.parametrize(
    ("cell", "date_format", "time"),
    [
        ("23.02.2026", "%d.%m.%Y", datetime(2026, 2, 23)),
        ("02/23/2026", "%m/%d/%Y", datetime(2026, 2, 23)),
        ("23/02/2026 14:05", "%d/%m/%Y %H:%M", datetime(2026, 2, 23, 14, 5)),
        ("11/15/2019 8:55:22 AM", "%m/%d/%Y %I:%M:%S %p", datetime(2019, 11, 15, 8, 55, 22)),
        ("23 Feb 2026", "%d %b %Y", datetime(2026, 2, 23)),
        ("February 23, 2026", "%B %d, %Y", datetime(2026, 2, 23)),
    ],
)
def test_the_form_of_the_dates_is_drafted(tmp_path: Path, read, cell: str, date_format: str, time: datetime) -> None:
    author = posts([cell] * 3).replace("title", "author_id")
    draft = drafted(tmp_path, posts=author)
    assert draft.count(f'date_format = "{date_format}"') == 2  # of the posts, and of who wrote them
    reading = load(tmp_path, read)
    assert {row["created_at"] for row in reading.records["Post"]} == {time}
    assert {row["at"] for row in reading.records["POSTED"]} == {time}
    assert reading.rejects.reasons == {}


def test_dates_that_may_be_read_in_two_ways_are_a_guess(tmp_path: Path) -> None:
    line = line_of(drafted(tmp_path, posts=posts(["02/03/2026", "04/05/2026"])), "date_format")
    assert line == 'date_format = "%m/%d/%Y"  # GUESS: every cell looked at is a date in "%d/%m/%Y" as well'


def test_times_in_no_known_form_are_named_with_what_to_do(tmp_path: Path) -> None:
    draft = drafted(tmp_path, posts=posts(["23-II-26", "24-II-26"]))
    assert "# published: times such as 23-II-26, but not nearly all in one form that is known." in draft
    assert '#   created_at = "published" (of relationships: at) and date_format = "…"' in draft
    tomllib.loads(draft)


def test_what_the_names_do_not_say_is_marked(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path,
        events="user_id,post_id\nu,p\n",
        purchases="user_id,product_id\nu,x\n",
        articles="article_id,title,tags,reader_id\na,T,x|y,u\n",
        likes="user_id,article_id\nu,a\n",
    )
    assert 'type = "VIEWED"  # GUESS: the file\'s name does not say what they did' in draft
    assert 'type = "LIKED"  # GUESS: purchase is taken as LIKED' in draft
    assert 'type = "POSTED"  # GUESS: that the reader wrote it' in draft
    assert line_of(draft, 'target = { column = "tags"').endswith("# GUESS: cells such as x|y are cut at |")
    assert 'type = "LIKED"\n' in draft  # of likes.csv


def test_people_by_the_name_of_their_file(tmp_path: Path, read) -> None:
    members = "".join(f"m{number},Name,,2024-01-01\n" for number in range(20))
    draft = drafted(
        tmp_path,
        users=f"member_id,name,bio,joined\n{members}m0,Again,,2024-01-01\n",
        posts="post_id,title\np1,One\n",
        likes="member,post\nm1,p1\n",
    )
    assert "Not understood" not in draft
    assert 'id = "member_id"  # GUESS: 1 of 21 rows looked at have no value of their own' in draft
    assert 'source = "member"\ntarget = "post"' in draft
    reading = load(tmp_path, read)
    assert len(reading.records["User"]) == 21  # the store leaves out the second m0
    assert "implied User" not in reading.records


def test_posts_by_the_name_of_their_file(tmp_path: Path, read) -> None:
    draft = drafted(
        tmp_path, questions="thread_id,title\nt1,Why\nt2,How\n", likes="uid,thread\nu1,t1\n", people="uid,bio\nu1,Hi\n"
    )
    assert "create" not in draft
    assert "# GUESS: its name does not say that it is the person's" in line_of(draft, 'id = "uid"')
    reading = load(tmp_path, read)
    assert [(row["source"], row["target"]) for row in reading.records["LIKED"]] == [("u1", "t1")]


def test_the_first_column_of_its_own_is_the_id(tmp_path: Path, read) -> None:
    draft = drafted(tmp_path, authors="country,username,bio\nde,ada,Hi\nde,ben,Hi\n")
    assert line_of(draft, "id =").startswith('id = "username"  # GUESS: no column is named as an id')
    assert [(row["id"], row["name"]) for row in load(tmp_path, read).records["User"]] == [
        ("ada", "ada"),
        ("ben", "ben"),
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("members", "group_id,user_id\ng,u1\nh,u2\n"),  # who is in what
        ("profiles", "user_id,bio\nu1,Hi\n"),  # beside users.csv
        ("user_articles", "user_id,post_id\nu1,p1\n"),  # who did what
        ("replies", "post_id,title\np1,Re\n"),  # what it replies to
    ],
)
def test_a_file_with_the_ids_of_others_is_no_list_of_its_own(tmp_path: Path, name: str, text: str) -> None:
    draft = drafted(tmp_path, users="user_id,name\nu1,Ada\nu2,Ben\n", **{name: text})
    assert [entry["file"] for entry in tomllib.loads(draft)["nodes"]] == ["users.csv"]


def test_a_file_named_like_posts_without_an_id_offers_nodes(tmp_path: Path) -> None:
    draft = drafted(tmp_path, posts="title\nSame\nSame\n")
    assert '# [[nodes]]\n# file = "posts.csv"\n# label = "Post"\n# id = "…"' in draft
    assert "VIEWED" not in draft.partition("posts.csv")[2]


def test_a_category_beside_tags_is_the_kind(tmp_path: Path, read) -> None:
    rows = "p1,T,a|b,article\np2,T,a,question\np3,T,b,article\n"
    draft = drafted(tmp_path, posts=f"post_id,title,tags,category\n{rows}")
    assert 'kind = "category"  # GUESS: what kind of post it is (article, question)' in draft
    reading = load(tmp_path, read)
    assert [row["kind"] for row in reading.records["Post"]] == ["article", "question", "article"]
    assert {row["id"] for row in reading.records["implied Entity"]} == {"a", "b"}


def test_a_category_without_tags_is_an_entity_and_the_other_way_is_named(tmp_path: Path) -> None:
    draft = drafted(tmp_path, posts="post_id,title,category\np1,T,article\np2,T,article\n")
    assert 'target = { column = "category"' in draft
    assert '# What it is about. Or in [[nodes]], as the kind of post that it is: kind = "category"' in draft


def test_cells_with_marks_that_toml_does_not_allow_are_shown_without(tmp_path: Path) -> None:
    draft = drafted(tmp_path, posts='title\n"a\x7f\x01b"\n"a\x7f\x01b"\n', users="user_id,name\nu,U\n")
    assert "#   title: a  b" in draft
    tomllib.loads(draft)
