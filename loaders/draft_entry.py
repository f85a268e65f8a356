"""One entry of a drafted mapping, and the comments around it: ``draft`` says what they are of."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from graphfeed.loaders.columns import Column, Table, shown


@dataclass
class Entry:
    """One entry under way: its lines, and the columns that it uses."""

    head: str
    comment: str
    lines: list[str] = field(default_factory=list)
    used: list[Column] = field(default_factory=list)

    def add(self, line: str, *doubts: str) -> None:
        """One more line, marked as a guess where there is a doubt about it."""
        why = "; ".join(doubt for doubt in doubts if doubt)
        self.lines.append(f"{line}  # GUESS: {why}" if why else line)

    def add_time(self, key: str, table: Table) -> None:
        """When it was, if the table has a column for that."""
        if table.time is not None:
            self.add(f"{key} = {quoted(table.time.name)}", table.time_doubt)
            self.used.append(table.time)
            self.add_date_format(table.time)

    def add_date_format(self, column: Column) -> None:
        """The form of its times, if it is not the usual one."""
        times = column.times
        if times is not None and times.date_format is not None:
            also = f"every cell looked at is a date in {quoted(times.also)} as well" if times.also else ""
            self.add(f"date_format = {quoted(times.date_format)}", also)

    def text(self) -> str:
        return "\n".join([f"# {self.comment}", f"[[{self.head}]]", *self.lines])


def split_doubt(column: Column) -> str:
    """Why the cells of a column may not be lists; empty where they are not cut."""
    example = next((value for value in column.filled if column.separator and column.separator in value), None)
    return f"cells such as {shown(example)} are cut at {column.separator}" if example else ""


def is_unread_time(column: Column) -> bool:
    """Whether it is named like a time, and has cells with several numbers each, in no one form that is known."""
    if not column.is_time_named or column.is_date or not column.filled or column.refers:
        return False
    return all(re.search(r"\d\D+\d", value) and not is_number(value) for value in column.filled)


def unread_times(column: Column) -> str:
    """What to do with ``is_unread_time``."""
    return (
        f"# {column.name}: times such as {shown(column.filled[0])}, but not nearly all in one form that is known."
        " Where they are in one, name it (strptime):\n"
        f'#   created_at = {quoted(column.name)} (of relationships: at) and date_format = "…"'
    )


def with_split(column: Column) -> str:
    """The column of a property that is a list."""
    if column.is_list or column.separator is None:
        return quoted(column.name)
    return f"{{ column = {quoted(column.name)}, split = {quoted(column.separator)} }}"


def not_understood(table: Table) -> str:
    """The columns of a file that nothing was made of, and an entry to fill in."""
    lines = ["# Not understood: which columns are ids, and of what? Its columns, with a value of each:"]
    lines += [f"#   {column.name}: {shown(column.filled[0]) if column.filled else ''}" for column in table.columns]
    file = f"# file = {quoted(table.file)}"
    if table.label is not None and not table.is_act:
        return "\n".join([*lines, "# [[nodes]]", file, f"# label = {quoted(table.label)}", '# id = "…"'])
    lines += ["# [[relationships]]", file, '# type = "VIEWED"']
    return "\n".join(
        [*lines, '# source = { column = "…", create = true }', '# target = { column = "…", create = true }']
    )


def quoted(text: str) -> str:
    """A string of TOML."""
    return json.dumps(text, ensure_ascii=False)


def is_number(text: str) -> bool:
    """Whether a cell is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
