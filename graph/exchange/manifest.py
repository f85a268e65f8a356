"""What an exported folder holds: its manifest, and where each of its files lies."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from graphfeed.errors import SourceError, StoreFormatError
from graphfeed.graph.schema import PREDICTED, VECTORS, Generation
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES

FORMAT = 1
"""Version of the folder's layout. A newer one is refused."""
MANIFEST = "manifest.json"


@dataclass
class Manifest:
    """What an exported folder holds."""

    format: int = FORMAT
    created_at: str = ""
    """ISO 8601, UTC."""
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By path in the folder: ``rows`` and ``checksum``."""
    generations: list[dict[str, Any]] = field(default_factory=list)
    """``Generation``'s fields, the active one first."""

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Raises SourceError for a folder that is no export, StoreFormatError for one of a newer graphfeed."""
        try:
            content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            kind, format_ = content.pop("graphfeed"), content["format"]
        except FileNotFoundError:
            raise SourceError(
                f"{folder} is not an export: it has no {MANIFEST}. `graphfeed export FOLDER` makes one; files of other"
                " kinds come in by `graphfeed load`"
            ) from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise SourceError(f"{folder / MANIFEST} is not the manifest of an export: {error!r}") from error
        if kind != "export" or not isinstance(format_, int):
            raise SourceError(f"{folder / MANIFEST} is not the manifest of an export: it names {kind!r}")
        if format_ > FORMAT:
            raise StoreFormatError(
                f"{folder} was exported by a newer graphfeed (format {format_}, this one reads up to {FORMAT}):"
                " use that one"
            )
        try:
            manifest = cls(**content)
            manifest.published()
            assert all(isinstance(e["rows"], int) and isinstance(e["checksum"], str) for e in manifest.files.values())
        except (TypeError, KeyError, AttributeError, AssertionError) as error:
            raise SourceError(f"{folder / MANIFEST} is damaged: {error!r}; export again") from error
        return manifest

    def write(self, folder: Path) -> None:
        """Write it: the folder is an export from now on."""
        content = {"graphfeed": "export", **asdict(self)}
        (folder / MANIFEST).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    def published(self) -> list[Generation]:
        """``generations`` as they are published."""
        return [Generation(**{**fields, "kinds": tuple(fields["kinds"])}) for fields in self.generations]


def is_export(folder: Path) -> bool:
    """Whether a folder is an export, of whatever version."""
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return bool(content["graphfeed"] == "export")
    except (OSError, ValueError, KeyError, TypeError):
        return False


def node_file(label: str) -> str:
    """Of a label, its path in the folder."""
    return f"nodes/{label}.parquet"


def relationship_file(type_: str, source: str, target: str) -> str:
    """Of a type between two labels, which are named where it joins several pairs."""
    several = len(RELATIONSHIP_TYPES[type_].pairs) > 1
    return f"relationships/{type_}.{source}.{target}.parquet" if several else f"relationships/{type_}.parquet"


def vector_file(label: str, name: str) -> str:
    """Of a vector property."""
    return f"vectors/{label}.{name}.parquet"


def prediction_file(type_: str) -> str:
    """Of a predicted type."""
    return f"predictions/{type_}.parquet"


FILES = {
    *map(node_file, NODE_TYPES),
    *(relationship_file(type_, *pair) for type_, t in RELATIONSHIP_TYPES.items() for pair in t.pairs),
    *(vector_file(label, name) for label in NODE_TYPES for name in VECTORS),
    *map(prediction_file, PREDICTED),
}
"""Every file that there may be, by path in the folder."""
