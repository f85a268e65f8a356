"""A simulated community as a folder of tables, with the graphfeed.toml that loads them.

    write_files(SimulatedCommunity(Simulation(people=1_000)), Path("community"), "parquet")
    # graphfeed load tables community

The folder appears when everything is in it: it is written under another name beside it and renamed.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal, get_args

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from graphfeed.errors import ConfigError
from graphfeed.loaders.records import Chunk, Nodes
from graphfeed.loaders.rejected import Rejects
from graphfeed.loaders.simulate import SimulatedCommunity

Format = Literal["parquet", "csv"]


def write_files(
    community: SimulatedCommunity,
    folder: Path,
    format_: Format = "parquet",
    progress: Callable[[str, int], None] | None = None,
) -> dict[str, int]:
    """Write a community's tables and their graphfeed.toml into a new folder; rows by file.

    ``progress`` is called with a file and the rows written to it just now. Raises ConfigError where the folder has
    something in it or cannot be written; then nothing stays behind.
    """
    if format_ not in get_args(Format):
        raise ConfigError(f"expected a format of {', '.join(get_args(Format))}, found {format_!r}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder} is there already: name a folder that is new or empty")
    writing = folder.with_name(folder.name + ".writing")
    try:
        # A folder of that name is what a run that was killed left behind.
        shutil.rmtree(writing, ignore_errors=True)
        writing.mkdir(parents=True)
        rows = _write(community, writing, format_, progress)
        if folder.exists():
            folder.rmdir()
        writing.rename(folder)
    except OSError as error:
        shutil.rmtree(writing, ignore_errors=True)
        raise ConfigError(f"{folder} cannot be written: {error.strerror or error}; name another folder") from error
    except BaseException:
        shutil.rmtree(writing, ignore_errors=True)
        raise
    return rows


def _write(
    community: SimulatedCommunity, folder: Path, format_: Format, progress: Callable[[str, int], None] | None
) -> dict[str, int]:
    rows: dict[str, int] = {}
    entries: dict[str, str] = {}
    writers: dict[str, Any] = {}
    with ExitStack() as open_files:
        for chunk in community.chunks(Rejects(folder / "rejected.csv")):
            file = f"{chunk.file}.{format_}"
            table = chunk.rows.select(_columns(chunk))
            if file not in writers:
                writers[file] = open_files.enter_context(_writer(folder / file, table.schema, format_))
                entries[file] = _entry(chunk, file)
            writers[file].write_table(table)
            rows[file] = rows.get(file, 0) + table.num_rows
            if progress:
                progress(file, table.num_rows)
    text = "\n".join([_HEAD.format(name=community.simulation.name), *entries.values()])
    (folder / "graphfeed.toml").write_text(text, encoding="utf-8")
    return rows


_HEAD = """# A community that was generated ({name}):
# nobody in it is real. To load it: graphfeed load tables FOLDER

[[load]]
source = "tables"
path = "."
"""


def _columns(chunk: Chunk) -> list[str]:
    """The columns that the community fills. All chunks of a file have to give the same."""
    unused = {"line", "url", "account", "aliases", "count"} | ({"text"} if chunk.file == "entities" else set())
    return [name for name in chunk.rows.column_names if name not in unused]


def _writer(file: Path, schema: pa.Schema, format_: Format) -> Any:
    return pq.ParquetWriter(file, schema) if format_ == "parquet" else pa_csv.CSVWriter(file, schema)


def _entry(chunk: Chunk, file: str) -> str:
    """The part of graphfeed.toml that reads a file: every column has the name of its property."""
    if isinstance(chunk, Nodes):
        head = f'[[nodes]]\nfile = "{file}"\nlabel = "{chunk.label}"\n'
    else:
        head = f'[[relationships]]\nfile = "{file}"\ntype = "{chunk.type}"\n'
    return head + "".join(f'{name} = "{name}"\n' for name in _columns(chunk))
