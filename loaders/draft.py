"""A first ``graphfeed.toml`` for a folder of table files, guessed from headers and sample rows.

What is guessed is what usually holds: a file named after things, with their own id, is nodes; a file with the ids of
two kinds of things is relationships. What is not understood stays as a comment with the columns listed.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from graphfeed.errors import SourceError
from graphfeed.loaders.columns import Column, Table, shown, survey, words_of
from graphfeed.loaders.draft_entry import (
    Entry,
    is_number,
    is_unread_time,
    not_understood,
    quoted,
    split_doubt,
    unread_times,
    with_split,
)
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES
from graphfeed.loaders.vocabulary import ACT_OF, ACTS, PROPERTIES, TIED

_WRITERS = ("author", "creator", "owner", "poster", "sender", "user", "username")


def draft_mapping(folder: Path) -> str:
    """The text of a ``graphfeed.toml`` for all table files of a folder.

    Raises SourceError where there is no folder, or no table file in it.
    """
    if not folder.is_dir():
        raise SourceError(f"{folder} is not a folder: expected one with CSV, TSV, JSON Lines or Parquet files")
    tables = survey(folder)
    if not tables:
        raise SourceError(f"{folder} has no CSV, TSV, JSON Lines or Parquet file")
    return _Draft(tables).text()


class _Draft:
    def __init__(self, tables: list[Table]) -> None:
        self.tables = tables
        self.nodes: dict[str, Table] = {}
        """By noun (user, article, …) the file that has its nodes; of several the one whose name says just that."""
        for table in sorted(tables, key=lambda t: len(t.words)):
            if table.noun and table.own_id and table.noun not in self.nodes and not table.is_act:
                named = table.own_id.noun
                # user_id of profiles.csv beside users.csv: not its own
                if named == table.noun or not any(named and other.noun == named for other in tables):
                    self.nodes[table.noun] = table
        self.aliases = {
            table.own_id.noun: noun
            for noun, table in self.nodes.items()
            if table.own_id and table.own_id.noun and table.own_id.noun not in self.nodes
        }
        """Nouns of ids that differ from their file's: thread for ``thread_id`` of questions.csv."""
        told = {table.file: self._told(table) for table in tables}
        self.nodes = {noun: told[table.file] for noun, table in self.nodes.items()}
        self.tables = list(told.values())
        self.prefixes = self._prefixes()

    def _told(self, table: Table) -> Table:
        """The table, its columns with their nouns where they are called like the id of a file of nodes (``uid``)."""
        nouns: dict[tuple[str, ...], str] = {}
        for noun, other in self.nodes.items():
            if other.own_id and other.own_id.is_id and other.own_id.words not in (["id"], ["uuid"], ["key"]):
                words = tuple(other.own_id.words)
                nouns |= {words: noun, words[:-1] or words: noun}
        columns = [
            replace(column, given_noun=nouns[tuple(column.words)])
            if tuple(column.words) in nouns and not (column.noun or column.is_date or column is table.own_id)
            else column
            for column in table.columns
        ]
        return replace(table, columns=columns)

    def text(self) -> str:
        drafted = "\n".join(self._table_text(table) for table in self.tables)
        check = "above all what is marked GUESS" if "# GUESS" in drafted else "though nothing in it had to be guessed"
        head = (
            "# How the files of a folder become a graph: a draft, made from their headers and first rows.\n"
            f"# Check it, {check}.\n"
            f"# Labels: {', '.join(NODE_TYPES)}. Types: {', '.join(list(RELATIONSHIP_TYPES)[:8])},\n"
            f"# {', '.join(name for name in list(RELATIONSHIP_TYPES)[8:] if name != 'HELD_OUT')}."
        )
        return f"{head}\n{drafted}\n"

    def _table_text(self, table: Table) -> str:
        is_nodes = table in self.nodes.values()
        entries = self._node_entries(table) if is_nodes else self._relationship_entries(table)
        used = {column.name for entry in entries for column in entry.used}
        unused = [column for column in table.columns if column.name not in used]
        parts = [f"\n\n# {table.file}"]
        if not entries:
            parts.append(not_understood(table))
        elif unused:
            parts.append(f"# Not used: {', '.join(column.name for column in unused)}")
            parts += [unread_times(column) for column in unused if is_unread_time(column)]
        return "\n".join([*parts, *("\n" + entry.text() for entry in entries)])

    def _prefixes(self) -> dict[str, str]:
        """Prefixes for nouns whose ids also occur among the other nodes of their label."""
        prefixes: dict[str, str] = {}
        seen: dict[str, set[str]] = {}
        for noun, table in self.nodes.items():
            ids = set(table.own_id.filled) if table.own_id else set()
            known = seen.setdefault(table.label or "", set())
            if ids & known:
                prefixes[noun] = f"{noun}-"
            known |= ids
        return prefixes

    # Nodes

    def _node_entries(self, table: Table) -> list[Entry]:
        label, noun, own_id = table.label, table.noun, table.own_id
        if label is None or noun is None or own_id is None:
            return []
        entry = Entry("nodes", f"A {label} for each row.", used=[own_id])
        entry.lines = [f"file = {quoted(table.file)}", f"label = {quoted(label)}"]
        entry.add(f"id = {self._end(own_id, noun)}", table.own_id_doubt)
        for name, candidates in PROPERTIES[label].items():
            column = table.find(*candidates)
            # a name that had to do as the id still is the name
            is_free = column not in entry.used or (column is own_id and name in ("name", "title") and not column.is_id)
            if column is not None and is_free:
                is_split = name == "aliases"
                doubt = split_doubt(column) if is_split else ""
                entry.add(f"{name} = {with_split(column) if is_split else quoted(column.name)}", doubt)
                entry.used.append(column)
        self._add_kind(entry, table, label, noun)
        if label != "Entity":
            entry.add_time("created_at", table)
        return [entry, *self._pointers(table, own_id, noun, entry.used)]

    def _add_kind(self, entry: Entry, table: Table, label: str, noun: str) -> None:
        kind = table.find("kind", "type") or _category(table)
        few = [shown(value) for value in kind.few_values(20)] if kind else []
        if label == "Post" and kind is not None and few and kind not in entry.used:
            entry.add(f"kind = {quoted(kind.name)}", f"what kind of post it is ({', '.join(few[:6])})")
            entry.used.append(kind)
        elif (
            label != "User"
            and not any(line.startswith("kind") for line in entry.lines)
            and noun not in ("post", "entity")
        ):
            entry.lines.append(f"kind = {{ value = {quoted(noun)} }}")

    def _pointers(self, table: Table, own_id: Column, noun: str, used: list[Column]) -> list[Entry]:
        """What the columns of a node file point to: an author, a post replied to, tags."""
        entries: list[Entry] = []
        for column in table.columns:
            if column in used or not column.filled or column.is_date or not column.refers:
                continue
            ends = (own_id, noun), (column, column.noun or "")
            match table.label, column.label:
                case "Post", "User":
                    doubt = "" if column.noun in _WRITERS else f"that the {column.noun} wrote it"
                    entries.append(self._relationship(table, "POSTED", ends[1], ends[0], "Who wrote it.", doubt))
                case "Post", "Post":
                    at = (own_id, noun), (column, noun if column.noun == "parent" else column.noun or "")
                    type_ = (
                        "REPLIES_TO"
                        if column.noun in ("parent", "question", "article", "post", "thread")
                        else "LINKS_TO"
                    )
                    doubt = "that it answers, or points to, the other"
                    entries.append(self._relationship(table, type_, *at, "What it answers.", doubt))
                case "Post", "Entity":
                    other = ""
                    if column.words == ["category"] and column.few_values(20):
                        other = f" Or in [[nodes]], as the kind of post that it is: kind = {quoted(column.name)}"
                    entries.append(self._relationship(table, "MENTIONS", *ends, f"What it is about.{other}"))
                case "User", "Entity":
                    entries.append(self._relationship(table, "INTERESTED_IN", *ends, "What they say they care about."))
        return entries

    # Relationships

    def _relationship_entries(self, table: Table) -> list[Entry]:
        refs = [c for c in table.columns if c.filled and not c.is_date and c.refers]
        users = [c for c in refs if c.label == "User"]
        posts = sorted((c for c in refs if c.label == "Post"), key=lambda c: c.noun not in self.nodes)
        topics = [c for c in refs if c.label == "Entity"]
        act = ACT_OF[table.act] if table.act else None
        if len(posts) >= 2 and (not users or table.noun):
            # the noun of the file's name is what replies: article_replies has a reply and what it replies to
            first = next((c for c in posts if c.noun == table.noun), posts[0])
            other = next(c for c in posts if c is not first)
            ends = (first, first.noun or ""), (other, other.noun or "")
            type_ = "REPLIES_TO" if {"reply", "answer", "comment"} & {*table.words, *first.words} else "LINKS_TO"
            doubt = "which post answers or points to which"
            return [self._relationship(table, type_, *ends, "What answers or points to what.", doubt)]
        if users and posts:
            return self._engagements(table, users[0], posts[0], act)
        if len(users) >= 2:
            comment = "Who is tied to whom, from the first to the second."
            if act in TIED:
                return [self._relationship(table, act, *_pair(users), comment, _act_doubt(table.act, act))]
            doubt = "the file's name does not say how they are tied"
            return [self._relationship(table, "FOLLOWS", *_pair(users), comment, doubt)]
        if posts and topics:
            return [self._relationship(table, "MENTIONS", *_pair([posts[0], topics[0]]), "What a post is about.")]
        if users and topics:
            pair = _pair([users[0], topics[0]])
            return [self._relationship(table, "INTERESTED_IN", *pair, "What somebody says they care about.")]
        if len(topics) >= 2:
            return [self._relationship(table, "RELATED_TO", *_pair(topics), "How entities are related.")]
        return []

    def _engagements(self, table: Table, user: Column, post: Column, act: str | None) -> list[Entry]:
        """One entry, or one for each value of a column that says what was done or how it was judged."""
        ends = _pair([user, post])
        for column in table.columns:
            values = {value: ACT_OF.get(words[-1]) for value in column.few_values(20) if (words := words_of(value))}
            if values and all(values.values()) and column.words[-1:] != ["comment"]:
                return [
                    self._relationship(
                        *(table, type_ or "VIEWED", *ends, "", _act_doubt(words_of(value)[-1], type_)),
                        where=(column, [value]),
                    )
                    for value, type_ in values.items()
                ]
        judged = table.find("score", "vote", "rating", "star", "value", "feedback")
        values_of = [value for value in judged.few_values(20) if is_number(value)] if judged else []
        if judged and len(values_of) > 1 and len(values_of) == len(judged.few_values(20)):
            numbers = sorted(values_of, key=float)
            middle = 0.0 if float(numbers[0]) < 0 else (float(numbers[0]) + float(numbers[-1])) / 2
            liked = [value for value in numbers if float(value) > middle]
            disliked = [value for value in numbers if float(value) < middle]
            doubts = ("which values speak for it", "which values speak against it")
            return [
                self._relationship(table, type_, *ends, "", doubt, where=(judged, chosen))
                for type_, doubt, chosen in zip(("LIKED", "DISLIKED"), doubts, (liked, disliked), strict=True)
            ]
        if act and act not in TIED:
            return [self._relationship(table, act, *ends, "", _act_doubt(table.act, act))]
        return [self._relationship(table, "VIEWED", *ends, "", "the file's name does not say what they did")]

    def _relationship(
        self,
        table: Table,
        type_: str,
        source: tuple[Column, str],
        target: tuple[Column, str],
        comment: str,
        doubt: str = "",
        *,
        where: tuple[Column, list[str]] | None = None,
    ) -> Entry:
        entry = Entry("relationships", comment or "What somebody did.", used=[source[0], target[0]])
        entry.lines = [f"file = {quoted(table.file)}"]
        entry.add(f"type = {quoted(type_)}", doubt)
        if where is not None:
            values = json.dumps(where[1] if len(where[1]) > 1 else where[1][0], ensure_ascii=False)
            entry.lines.append(f"where = {{ {quoted(where[0].name)} = {values} }}")
            entry.used.append(where[0])
        for key, (referring, noun) in (("source", source), ("target", target)):
            end = self._end(referring, noun, refers=True, at=table.time)
            entry.add(f"{key} = {end}", split_doubt(referring) if "split = " in end else "")
        if type_ not in ("MENTIONS", "RELATED_TO"):
            entry.add_time("at", table)
        elif table.time is not None and any("created_at = " in line for line in entry.lines):
            entry.add_date_format(table.time)
        for name, types in (("count", ACTS), ("relation", ("RELATED_TO",)), ("weight", ("INTERESTED_IN",))):
            column = next((c for c in table.columns if c.words == [name]), None)
            if column is not None and type_ in types and type_ not in TIED:
                entry.lines.append(f"{name} = {quoted(column.name)}")
                entry.used.append(column)
        return entry

    def _end(self, column: Column, noun: str, *, refers: bool = False, at: Column | None = None) -> str:
        """An id: just the column's name, or a table of what else has to be said about it."""
        noun = self.aliases.get(noun, noun)
        said = [f"column = {quoted(column.name)}"]
        if noun in self.prefixes:
            said.append(f"prefix = {quoted(self.prefixes[noun])}")
        if refers and not column.is_list and column.separator and column.label == "Entity":
            said.append(f"split = {quoted(column.separator)}")
        if refers and column.has_gaps and len(said) < 3 and not column.is_list:
            said.append("optional = true")
        if refers and not self._has_nodes(noun, column):
            said.append(_created(column, noun, at))
        return quoted(column.name) if len(said) == 1 else f"{{ {', '.join(said)} }}"

    def _has_nodes(self, noun: str, column: Column) -> bool:
        """Whether a file holds these nodes. Every word for a person means the same users; posts and entities differ."""
        if column.label == "User":
            return any(table.label == "User" for table in self.nodes.values())
        return noun in self.nodes


def _created(column: Column, noun: str, at: Column | None) -> str:
    match column.label:
        case "Post":
            kind = f"kind = {{ value = {quoted(noun)} }}" if noun not in ("post", "item", "") else ""
            created = f"created_at = {quoted(at.name)}" if at else ""
            given = ", ".join(part for part in (kind, created) if part)
            return f"create = {{ {given} }}" if given else "create = true"
        case "Entity":
            return f"create = {{ kind = {{ value = {quoted(noun)} }}, name = {quoted(column.name)} }}"
        case _:
            return "create = true"


def _category(table: Table) -> Column | None:
    """A column of few categories beside one of tags: then it says what kind of post it is, not what it is about."""
    for column in table.columns:
        if column.words == ["category"] and column.few_values(20) and not column.is_list:
            others = (other for other in table.columns if other is not column and other.filled and not other.is_date)
            return column if any(other.label == "Entity" and other.refers for other in others) else None
    return None


def _act_doubt(word: str | None, type_: str | None) -> str:
    """Empty where the word is the type's own: like of LIKED."""
    type_ = type_ or "VIEWED"
    return "" if word and type_.lower().startswith(word[:3]) else f"{word} is taken as {type_}"


def _pair(columns: list[Column]) -> tuple[tuple[Column, str], tuple[Column, str]]:
    first, second = columns[:2]
    return (first, first.noun or ""), (second, second.noun or "")
