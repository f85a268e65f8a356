"""A first ``graphfeed.toml`` for a folder of table files, guessed from headers and sample rows.

What is guessed is what usually holds: a file named after things, with their own id, is nodes; a file with the ids of
two kinds of things is relationships. What is not understood stays as a comment with the columns listed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from graphfeed.errors import SourceError
from graphfeed.loaders.columns import Column, Table, survey, words_of
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES
from graphfeed.loaders.vocabulary import ACT_OF, ACTS, PROPERTIES, TIED, TIMES


@dataclass
class _Entry:
    """One entry under way: its lines, and the columns that it uses."""

    head: str
    comment: str
    lines: list[str] = field(default_factory=list)
    used: list[Column] = field(default_factory=list)

    def text(self) -> str:
        return "\n".join([f"# {self.comment}", f"[[{self.head}]]", *self.lines])


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
            if table.noun and table.own_id and table.noun not in self.nodes and not _is_act(table):
                self.nodes[table.noun] = table
        self.prefixes = self._prefixes()

    def text(self) -> str:
        parts = [
            "# How the files of a folder become a graph: a draft, guessed from their headers and first rows.\n"
            "# Check it, above all what is marked GUESS.\n"
            f"# Labels: {', '.join(NODE_TYPES)}. Types: {', '.join(list(RELATIONSHIP_TYPES)[:8])},\n"
            f"# {', '.join(name for name in list(RELATIONSHIP_TYPES)[8:] if name != 'HELD_OUT')}."
        ]
        for table in self.tables:
            is_nodes = table in self.nodes.values()
            entries = self._node_entries(table) if is_nodes else self._relationship_entries(table)
            used = {column.name for entry in entries for column in entry.used}
            unused = [column.name for column in table.columns if column.name not in used]
            parts.append(f"\n\n# {table.file}")
            if not entries:
                parts.append(_not_understood(table))
            elif unused:
                parts.append(f"# Not used: {', '.join(unused)}")
            parts += ["\n" + entry.text() for entry in entries]
        return "\n".join(parts) + "\n"

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

    def _node_entries(self, table: Table) -> list[_Entry]:
        label, noun, own_id = table.label, table.noun, table.own_id
        if label is None or noun is None or own_id is None:
            return []
        entry = _Entry("nodes", f"A {label} for each row.", used=[own_id])
        entry.lines = [f"file = {_quoted(table.file)}", f"label = {_quoted(label)}", f"id = {self._end(own_id, noun)}"]
        for name, candidates in PROPERTIES[label].items():
            column = table.find(*candidates)
            if column is not None and column not in entry.used:
                entry.lines.append(f"{name} = {_with_split(column) if name == 'aliases' else _quoted(column.name)}")
                entry.used.append(column)
        self._add_kind(entry, table, label, noun)
        if label != "Entity" and (at := _time_of(table)):
            entry.lines.append(f"created_at = {_quoted(at.name)}")
            entry.used.append(at)
        return [entry, *self._pointers(table, own_id, noun, entry.used)]

    def _add_kind(self, entry: _Entry, table: Table, label: str, noun: str) -> None:
        kind = table.find("kind", "type")
        if label == "Post" and kind is not None and kind.few_values(20) and kind not in entry.used:
            entry.lines.append(f"kind = {_quoted(kind.name)}  # {', '.join(kind.few_values(20)[:6])}")
            entry.used.append(kind)
        elif (
            label != "User"
            and not any(line.startswith("kind") for line in entry.lines)
            and noun not in ("post", "entity")
        ):
            entry.lines.append(f"kind = {{ value = {_quoted(noun)} }}")

    def _pointers(self, table: Table, own_id: Column, noun: str, used: list[Column]) -> list[_Entry]:
        """What the columns of a node file point to: an author, a post replied to, tags."""
        entries: list[_Entry] = []
        for column in table.columns:
            if column in used or not column.filled or column.is_date or not _refers(column):
                continue
            ends = (own_id, noun), (column, column.noun or "")
            match table.label, column.label:
                case "Post", "User":
                    entries.append(self._relationship(table, "POSTED", ends[1], ends[0], "Who wrote it."))
                case "Post", "Post":
                    at = (own_id, noun), (column, noun if column.noun == "parent" else column.noun or "")
                    type_ = (
                        "REPLIES_TO"
                        if column.noun in ("parent", "question", "article", "post", "thread")
                        else "LINKS_TO"
                    )
                    entries.append(self._relationship(table, type_, *at, "GUESS: what it answers."))
                case "Post", "Entity":
                    entries.append(self._relationship(table, "MENTIONS", *ends, "What it is about."))
                case "User", "Entity":
                    entries.append(self._relationship(table, "INTERESTED_IN", *ends, "What they say they care about."))
        return entries

    # Relationships

    def _relationship_entries(self, table: Table) -> list[_Entry]:
        refs = [c for c in table.columns if c.filled and not c.is_date and _refers(c)]
        users = [c for c in refs if c.label == "User"]
        posts = sorted((c for c in refs if c.label == "Post"), key=lambda c: c.noun not in self.nodes)
        topics = [c for c in refs if c.label == "Entity"]
        act = _act_of(table)
        if len(posts) >= 2 and (not users or table.noun):
            # the noun of the file's name is what replies: article_replies has a reply and what it replies to
            first = next((c for c in posts if c.noun == table.noun), posts[0])
            other = next(c for c in posts if c is not first)
            ends = (first, first.noun or ""), (other, other.noun or "")
            type_ = "REPLIES_TO" if {"reply", "answer", "comment"} & {*table.words, *first.words} else "LINKS_TO"
            return [self._relationship(table, type_, *ends, "GUESS: which post answers or points to which.")]
        if users and posts:
            return self._engagements(table, users[0], posts[0], act)
        if len(users) >= 2:
            type_ = act if act in TIED else "FOLLOWS"
            return [
                self._relationship(table, type_, *_pair(users), "Who is tied to whom, from the first to the second.")
            ]
        if posts and topics:
            return [self._relationship(table, "MENTIONS", *_pair([posts[0], topics[0]]), "What a post is about.")]
        if users and topics:
            pair = _pair([users[0], topics[0]])
            return [self._relationship(table, "INTERESTED_IN", *pair, "What somebody says they care about.")]
        if len(topics) >= 2:
            return [self._relationship(table, "RELATED_TO", *_pair(topics), "How entities are related.")]
        return []

    def _engagements(self, table: Table, user: Column, post: Column, act: str | None) -> list[_Entry]:
        """One entry, or one for each value of a column that says what was done or how it was judged."""
        ends = _pair([user, post])
        for column in table.columns:
            values = {value: ACT_OF.get(words[-1]) for value in column.few_values(20) if (words := words_of(value))}
            if values and all(values.values()) and column.words[-1:] != ["comment"]:
                return [
                    self._relationship(table, type_ or "VIEWED", *ends, "", where=(column, [value]))
                    for value, type_ in values.items()
                ]
        judged = table.find("score", "vote", "rating", "star", "value", "feedback")
        values_of = [value for value in judged.few_values(20) if _is_number(value)] if judged else []
        if judged and len(values_of) > 1 and len(values_of) == len(judged.few_values(20)):
            numbers = sorted(values_of, key=float)
            middle = 0.0 if float(numbers[0]) < 0 else (float(numbers[0]) + float(numbers[-1])) / 2
            liked = [value for value in numbers if float(value) > middle]
            disliked = [value for value in numbers if float(value) < middle]
            return [
                self._relationship(table, "LIKED", *ends, "GUESS: which values speak for it.", where=(judged, liked)),
                self._relationship(table, "DISLIKED", *ends, "GUESS: and which against.", where=(judged, disliked)),
            ]
        comment = "What somebody did." if act else "GUESS: what did they do? The name of the file does not say."
        return [self._relationship(table, act if act and act not in TIED else "VIEWED", *ends, comment)]

    def _relationship(
        self,
        table: Table,
        type_: str,
        source: tuple[Column, str],
        target: tuple[Column, str],
        comment: str,
        *,
        where: tuple[Column, list[str]] | None = None,
    ) -> _Entry:
        entry = _Entry("relationships", comment or "What somebody did.", used=[source[0], target[0]])
        entry.lines = [f"file = {_quoted(table.file)}", f"type = {_quoted(type_)}"]
        if where is not None:
            values = json.dumps(where[1] if len(where[1]) > 1 else where[1][0], ensure_ascii=False)
            entry.lines.append(f"where = {{ {_quoted(where[0].name)} = {values} }}")
            entry.used.append(where[0])
        at = _time_of(table)
        entry.lines.append(f"source = {self._end(*source, refers=True, at=at)}")
        entry.lines.append(f"target = {self._end(*target, refers=True, at=at)}")
        if at is not None and type_ not in ("MENTIONS", "RELATED_TO"):
            entry.lines.append(f"at = {_quoted(at.name)}")
            entry.used.append(at)
        for name, types in (("count", ACTS), ("relation", ("RELATED_TO",)), ("weight", ("INTERESTED_IN",))):
            column = next((c for c in table.columns if c.words == [name]), None)
            if column is not None and type_ in types and type_ not in TIED:
                entry.lines.append(f"{name} = {_quoted(column.name)}")
                entry.used.append(column)
        return entry

    def _end(self, column: Column, noun: str, *, refers: bool = False, at: Column | None = None) -> str:
        """An id: just the column's name, or a table of what else has to be said about it."""
        said = [f"column = {_quoted(column.name)}"]
        if noun in self.prefixes:
            said.append(f"prefix = {_quoted(self.prefixes[noun])}")
        if refers and not column.is_list and column.separator and column.label == "Entity":
            said.append(f"split = {_quoted(column.separator)}")
        if refers and column.has_gaps and len(said) < 3 and not column.is_list:
            said.append("optional = true")
        if refers and not self._has_nodes(noun, column):
            said.append(_created(column, noun, at))
        return _quoted(column.name) if len(said) == 1 else f"{{ {', '.join(said)} }}"

    def _has_nodes(self, noun: str, column: Column) -> bool:
        """Whether a file holds these nodes. Every word for a person means the same users; posts and entities differ."""
        if column.label == "User":
            return any(table.label == "User" for table in self.nodes.values())
        return noun in self.nodes


def _created(column: Column, noun: str, at: Column | None) -> str:
    match column.label:
        case "Post":
            kind = f"kind = {{ value = {_quoted(noun)} }}" if noun not in ("post", "item", "") else ""
            created = f"created_at = {_quoted(at.name)}" if at else ""
            given = ", ".join(part for part in (kind, created) if part)
            return f"create = {{ {given} }}" if given else "create = true"
        case "Entity":
            return f"create = {{ kind = {{ value = {_quoted(noun)} }}, name = {_quoted(column.name)} }}"
        case _:
            return "create = true"


def _refers(column: Column) -> bool:
    """Whether a column points to things: it is named after them, and its values are short."""
    short = all(len(value) <= 80 or column.label == "Entity" for value in column.filled)
    plain = column.is_id or column.words[-1] == column.noun or column.noun == "parent"
    counts = {"count", "number", "total", "num"} & set(column.words)
    return column.noun is not None and plain and short and not counts and not _is_text(column)


def _is_text(column: Column) -> bool:
    return column.label == "Post" and not column.is_id and any(" " in value for value in column.filled)


def _is_act(table: Table) -> bool:
    """Whether a file that has ids of its own still is a list of who did what: likes.csv with an id column."""
    named = set(table.words) & set(ACT_OF) - {"comment", "reply", "answer", "review"}
    return bool(named) and any(_refers(c) and c.label == "User" for c in table.columns)


def _act_of(table: Table) -> str | None:
    return next((ACT_OF[word] for word in reversed(table.words) if word in ACT_OF), None)


def _time_of(table: Table) -> Column | None:
    return table.find(*TIMES, date=True) or next(
        (c for c in table.columns if c.is_date and "updated" not in c.words), None
    )


def _pair(columns: list[Column]) -> tuple[tuple[Column, str], tuple[Column, str]]:
    first, second = columns[:2]
    return (first, first.noun or ""), (second, second.noun or "")


def _with_split(column: Column) -> str:
    if column.is_list or column.separator is None:
        return _quoted(column.name)
    return f"{{ column = {_quoted(column.name)}, split = {_quoted(column.separator)} }}"


def _not_understood(table: Table) -> str:
    lines = ["# Not understood: which columns are ids, and of what? Its columns, with a value of each:"]
    for column in table.columns:
        example = column.filled[0][:60].replace("\n", " ") if column.filled else ""
        lines.append(f"#   {column.name}: {example}")
    lines += ["# [[relationships]]", f"# file = {_quoted(table.file)}", '# type = "VIEWED"']
    return "\n".join(
        [*lines, '# source = { column = "…", create = true }', '# target = { column = "…", create = true }']
    )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
