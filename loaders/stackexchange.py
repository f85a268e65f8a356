"""``stackexchange``: the folder of one site of a Stack Exchange dump (Users.xml, Posts.xml, …).

Questions, answers and comments are posts: "1" by their Id, a comment "c7". Tags are entities named by themselves, with
the text of their excerpt, or else of their wiki. Answering a question, and commenting on it or on one of its answers,
is COMMENTED on the question, but not on one's own. A bookmark that names its user is SAVED.

Users.xml and Posts.xml must be there; Comments, Votes, Tags and PostLinks may be absent (without Tags.xml the tags that
questions carry are entities without text). Rows that have no place in the graph are passed over: excerpts and wikis as
posts, votes other than bookmarks, bookmarks without a user, links of another kind. A post whose user was deleted is
kept without POSTED.

Memory holds a few thousand rows, the texts of tags, and 32 bytes for every question and answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from graphfeed.errors import SourceError
from graphfeed.loaders.collect import Collector
from graphfeed.loaders.markup import one_line, plain_text
from graphfeed.loaders.records import Chunk, Nodes
from graphfeed.loaders.rejected import Rejects
from graphfeed.loaders.threads import NOBODY, Threads
from graphfeed.loaders.xmlrows import XmlRow, xml_rows

_KINDS = {"1": "question", "2": "answer"}
_TAG_TEXTS = ("4", "5")  # excerpt, wiki
_LINKS = {"1": "linked", "3": "duplicate"}
_BOOKMARK = "5"
_TAG = re.compile(r"[^<>|]+")  # "<a><b>" in older dumps, "|a|b|" in newer ones
_BATCH_ROWS = 5_000


class StackExchangeLoader:
    """Loads one site. ``site`` (``"quantumcomputing.stackexchange.com"``) gives questions and answers their address."""

    name = "stackexchange"

    def __init__(self, folder: Path, *, site: str | None = None) -> None:
        self.folder = folder
        self.platform = folder.resolve().name
        self.site = site

    def chunks(self, rejects: Rejects) -> Iterator[Chunk]:
        """Read the files as a stream; see ``Loader.chunks``."""
        for file in ("Users.xml", "Posts.xml"):
            if not (self.folder / file).is_file():
                there = ", ".join(sorted(p.name for p in self.folder.glob("*.xml"))) or "no XML file"
                raise SourceError(f"{self.folder} has no {file}, expected a dump's folder; there is: {there}")
        threads, tag_texts = Threads(), dict[str, str]()
        yield from self._users(rejects)
        yield from self._posts(rejects, threads, tag_texts)
        threads.seal()
        yield from self._tags(rejects, tag_texts)
        yield from self._post_relationships(rejects, threads)
        yield from self._comments(rejects, threads)
        yield from self._bookmarks(rejects)
        yield from self._links(rejects)

    def _batches(self, file: str) -> Iterator[list[XmlRow]]:
        """The rows of a file, a few thousand at a time; none where an optional file is absent."""
        if (self.folder / file).is_file():
            rows = xml_rows(self.folder / file)
            while batch := list(islice(rows, _BATCH_ROWS)):
                yield batch

    def _users(self, rejects: Rejects) -> Iterator[Chunk]:
        columns = ("id", "name", "about", "platform", "account", "created_at")
        users = Collector("Users.xml", columns, label="User")
        for batch in self._batches(users.file):
            for line, row in batch:
                name, about = one_line(row.get("DisplayName")), plain_text(row.get("AboutMe"))
                account, created = row.get("AccountId"), row.get("CreationDate")
                users.add(line, row, row.get("Id"), name, about, self.platform, account, created)
            rejects.read(users.file, len(batch))
            yield from users.take(rejects)[0]

    def _posts(self, rejects: Rejects, threads: Threads, tag_texts: dict[str, str]) -> Iterator[Chunk]:
        columns = ("id", "kind", "title", "text", "url", "platform", "created_at")
        posts = Collector("Posts.xml", columns, label="Post")
        for batch in self._batches(posts.file):
            chosen = []
            for line, row in batch:
                type_ = row.get("PostTypeId")
                if type_ in _KINDS:
                    chosen.append((line, row))
                    posts.add(line, row, *self._post(row))
                elif type_ is None:
                    rejects.read(posts.file)
                    rejects.reject(posts.file, line, "unknown column", "the row has no PostTypeId", str(row))
                else:
                    rejects.pass_over(posts.file)
                    if type_ in _TAG_TEXTS and (text := plain_text(row.get("Body"))):
                        tag_texts[row.get("Id", "")] = text
            rejects.read(posts.file, len(chosen))
            chunks, good = posts.take(rejects)
            yield from chunks
            for (line, row), usable in zip(chosen, good.tolist(), strict=True):
                if usable:
                    post = _number(row["Id"])
                    question = post if row["PostTypeId"] == "1" else _number(row.get("ParentId"))
                    threads.add(post, line, question, _number(row.get("OwnerUserId")))

    def _post(self, row: dict[str, str]) -> tuple[str | None, ...]:
        id_, kind = row.get("Id"), _KINDS[row["PostTypeId"]]
        url = f"https://{self.site}/{kind[0]}/{id_}" if self.site else None  # /q/1 a question, /a/2 an answer
        title, text = one_line(row.get("Title")), plain_text(row.get("Body"))
        return id_, kind, title, text, url, self.platform, row.get("CreationDate")

    def _tags(self, rejects: Rejects, tag_texts: dict[str, str]) -> Iterator[Chunk]:
        tags = Collector("Tags.xml", ("id", "name", "kind", "text"), label="Entity")
        for batch in self._batches(tags.file):
            for line, row in batch:
                name = row.get("TagName")
                text = tag_texts.get(row.get("ExcerptPostId", "")) or tag_texts.get(row.get("WikiPostId", ""))
                tags.add(line, row, name, name, "tag", text)
            rejects.read(tags.file, len(batch))
            yield from tags.take(rejects)[0]

    def _post_relationships(self, rejects: Rejects, threads: Threads) -> Iterator[Chunk]:
        beside = _Beside("Posts.xml")
        implied_tags = Collector("Posts.xml", ("id", "name", "kind"), label="Entity", primary=False)
        for batch in self._batches("Posts.xml"):
            numbers = np.array([_number(row.get("Id")) for _, row in batch], np.int64)
            first = threads.line_of(numbers) == np.array([line for line, _ in batch], np.int64)
            questions, authors = threads.question_of(numbers)
            for (line, row), usable, question, author in zip(
                batch, first.tolist(), questions.tolist(), authors.tolist(), strict=True
            ):
                if not usable:  # set aside or passed over before
                    continue
                is_answer = row["PostTypeId"] == "2"
                user, parent = row.get("OwnerUserId"), row.get("ParentId")
                beside.posted_and_reply(line, row, row["Id"], user, parent if is_answer else None, "answer")
                if is_answer:
                    beside.engaged(line, row, user, question, author)
                for tag in dict.fromkeys(_TAG.findall(row.get("Tags", ""))):
                    beside.mentions.add(line, row, row["Id"], tag, 1.0, "data")
                    implied_tags.add(line, row, tag, tag, "tag")
            if not (self.folder / "Tags.xml").is_file():
                for chunk in implied_tags.take(rejects)[0]:
                    yield replace(chunk, implied=True) if isinstance(chunk, Nodes) else chunk
            yield from beside.take(rejects)

    def _comments(self, rejects: Rejects, threads: Threads) -> Iterator[Chunk]:
        comments = Collector("Comments.xml", ("id", "kind", "text", "platform", "created_at"), label="Post")
        beside = _Beside(comments.file)
        for batch in self._batches(comments.file):
            for line, row in batch:
                id_ = row.get("Id", "").strip()
                text = one_line(row.get("Text"))
                comments.add(line, row, id_ and f"c{id_}", "comment", text, self.platform, row.get("CreationDate"))
            rejects.read(comments.file, len(batch))
            chunks, good = comments.take(rejects)
            yield from chunks
            posts = np.array([_number(row.get("PostId")) for _, row in batch], np.int64)
            questions, authors = threads.question_of(posts)
            for (line, row), usable, question, author in zip(
                batch, good.tolist(), questions.tolist(), authors.tolist(), strict=True
            ):
                if usable:
                    user, id_ = row.get("UserId"), f"c{row['Id'].strip()}"
                    beside.posted_and_reply(line, row, id_, user, row.get("PostId", ""), "comment")
                    beside.engaged(line, row, user, question, author)
            yield from beside.take(rejects)

    def _bookmarks(self, rejects: Rejects) -> Iterator[Chunk]:
        saved = Collector("Votes.xml", ("source", "target", "at"), type="SAVED")
        for batch in self._batches(saved.file):
            chosen = [(n, row) for n, row in batch if row.get("VoteTypeId") == _BOOKMARK and "UserId" in row]
            for line, row in chosen:
                saved.add(line, row, row["UserId"], row.get("PostId"), row.get("CreationDate"))
            rejects.read(saved.file, len(chosen))
            rejects.pass_over(saved.file, len(batch) - len(chosen))
            yield from saved.take(rejects)[0]

    def _links(self, rejects: Rejects) -> Iterator[Chunk]:
        links = Collector("PostLinks.xml", ("source", "target", "kind", "at"), type="LINKS_TO")
        for batch in self._batches(links.file):
            chosen = [(n, row) for n, row in batch if row.get("LinkTypeId") in _LINKS]
            for line, row in chosen:
                kind = _LINKS[row["LinkTypeId"]]
                links.add(line, row, row.get("PostId"), row.get("RelatedPostId"), kind, row.get("CreationDate"))
            rejects.read(links.file, len(chosen))
            rejects.pass_over(links.file, len(batch) - len(chosen))
            yield from links.take(rejects)[0]


class _Beside:
    """The relationships that a post's or a comment's row yields beside the post itself."""

    def __init__(self, file: str) -> None:
        act = ("source", "target", "at")
        self.posted = Collector(file, act, type="POSTED", primary=False, silent=True)
        self.replies = Collector(file, (*act, "kind"), type="REPLIES_TO", primary=False)
        self.commented = Collector(file, act, type="COMMENTED", primary=False, silent=True)
        mention = ("source", "target", "confidence", "said_by")
        self.mentions = Collector(file, mention, type="MENTIONS", primary=False, silent=True)

    def posted_and_reply(
        self, line: int, row: dict[str, str], post: str, user: str | None, parent: str | None, kind: str
    ) -> None:
        """Who wrote the post, and what it replies to: None where it replies to nothing."""
        if user:
            self.posted.add(line, row, user, post, row.get("CreationDate"))
        if parent is not None:
            self.replies.add(line, row, post, parent, row.get("CreationDate"), kind)

    def engaged(self, line: int, row: dict[str, str], user: str | None, question: int, author: int) -> None:
        """Taking part in a question's thread, unless it is unknown or one's own."""
        if user and question != NOBODY and _number(user) != author:
            self.commented.add(line, row, user, str(question), row.get("CreationDate"))

    def take(self, rejects: Rejects) -> Iterator[Chunk]:
        """The records so far."""
        for collector in (self.posted, self.replies, self.mentions, self.commented):
            yield from collector.take(rejects)[0]


def _number(text: str | None) -> int:
    """An id as a number, NOBODY where it is none."""
    try:
        number = int(text) if text else NOBODY
    except ValueError:
        return NOBODY
    return number if abs(number) < -NOBODY else NOBODY
