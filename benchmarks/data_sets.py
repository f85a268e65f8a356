"""The communities that are measured: where each is, how it is loaded, and what is not the default for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.prepared import VALIDATION, eight_one_one, without_tags, without_telling_tags

CHECKOUT = Path(__file__).resolve().parents[1]
DATA_VARIABLE = "GRAPHFEED_DATA"


@dataclass(frozen=True)
class DataSet:
    """One community. Everything that is not said here is the default."""

    source: str
    """A source of ``graphfeed load``."""
    path: str | None = None
    """Inside the data folder, or absolute; None: it comes with the package."""
    options: dict[str, str] = field(default_factory=dict)
    """Of ``graphfeed load``. Those in ``FILES`` are files: ``mapping`` inside the checkout, the others inside the data
    folder or absolute."""
    window_days: float = 1.0
    encoder: str | None = "all-MiniLM-L6-v2"
    """None: there is no text."""
    at: tuple[int, int] = (10, 20)
    """Lengths of the lists; rankers are compared at the first."""
    baselines: tuple[str, ...] = ()
    """Only these; none named: all."""
    slices: tuple[str, ...] = ("all", "old")
    """What the model is compared on."""
    split: str = "auto"
    """The kind of split (``graphfeed.training.rounds.SplitKind``)."""
    prepare: Callable[[Path, Path], tuple[Path, dict[str, Any]]] | None = None
    """Given the data's folder and an empty one: writes there what is to be loaded instead, and says where and how."""
    notes: tuple[str, ...] = ()
    """What a reader of the figures has to know."""

    def load_arguments(self, scratch: Path | None = None) -> tuple[str, Path | None, dict[str, Any]]:
        """Source, path and options as ``Feed.load`` takes them. Raises SystemExit where the data is not there.

        ``scratch``: a folder for what has to be written first; for a data set that needs it.
        """
        if self.path is None:
            return self.source, None, {}
        path = data_folder() / self.path
        if not path.exists():
            raise SystemExit(f"there is no {path}: {DATA_VARIABLE} names the folder of the data")
        options: dict[str, Any] = {}
        for name, value in self.options.items():
            options[name] = (CHECKOUT if name == "mapping" else data_folder()) / value if name in FILES else value
        if self.prepare is None:
            return self.source, path, options
        if scratch is None:
            raise SystemExit(f"{self.path} is prepared before it is loaded, and this benchmark does not")
        path, more = self.prepare(path, scratch)
        return self.source, path, options | more


FILES = ("mapping", "train", "test", "friends", "kg", "kg_items", "text", "text_sequences", "attributes")

_TAGS = "an article's tags are left out where all of its saves are held out; of the others who gave a tag is not known"

DATA_SETS = {
    "sample": DataSet("sample"),
    "french.meta": DataSet("stackexchange", "stackexchange/french.meta"),
    "quantumcomputing": DataSet("stackexchange", "stackexchange/quantumcomputing"),
    # all-MiniLM-L6-v2 knows no Chinese.
    "cofacts": DataSet("tables", "cofacts", {"mapping": "docs/cofacts.toml"}, window_days=7.0, encoder="tfidf"),
    # No times and no text. What is published about it are figures at 20; the other baselines take long.
    "gowalla": DataSet(
        "pairs",
        "gowalla/train.txt",
        {"test": "gowalla/test.txt"},
        encoder=None,
        at=(20, 10),
        baselines=("popularity", "graph_filter"),
        slices=("all",),
    ),
    "lastfm-2k": DataSet(
        "hetrec",
        "lastfm-2k",
        {"train": "lastfm-2k/sociallgn_split/train_set.txt", "test": "lastfm-2k/sociallgn_split/test_set.txt"},
        encoder="tfidf",
        at=(20, 10),
        slices=("all",),
        notes=("taggings of test pairs are left out",),
    ),
    "lastfm-2k-811": DataSet(
        "hetrec",
        "lastfm-2k",
        encoder="tfidf",
        slices=("all",),
        prepare=eight_one_one,
        notes=(
            "8:1:1 of each person's artists, seed 0, the validation pairs never trained on; their taggings left out",
        ),
    ),
    # Words without an order: no sentence for an encoder.
    "citeulike-t": DataSet(
        "citeulike",
        "citeulike-t",
        {"split": "P10"},
        encoder="tfidf",
        at=(20, 10),
        slices=("all", "cold_posts"),
        prepare=without_telling_tags,
        notes=(_TAGS,),
    ),
    "citeulike-t-cold": DataSet(
        "citeulike",
        "citeulike-t",
        encoder="tfidf",
        at=(20, 10),
        slices=("all",),
        split="cold",
        prepare=without_tags,
        notes=("no tags: those of a cold article come from people whose saves are held out",),
    ),
    "amazon-beauty": DataSet(
        "sequences",
        "amazon-beauty/Beauty.txt",
        {
            "attributes": "amazon-beauty/Beauty_item2attributes.json",
            "text": "amazon-beauty/item_generative_indexing_phase_0.txt",
            "text_sequences": "amazon-beauty/user_sequence.txt",
        },
        encoder="tfidf",
        at=(20, 10),
        slices=("all",),
        split="leave-one-out",
    ),
}


def of_pairs(train: Path, test: Path, *, friends: Path | None, kg: Path | None, text: Path | None) -> DataSet:
    """Any files of gowalla's shape, with friends, triples and texts where they are given."""
    files = {"test": test, "friends": friends, "kg": kg, "text": text}
    options = {name: str(file.absolute()) for name, file in files.items() if file is not None}
    made = DataSet("pairs", str(train.absolute()), options, at=(20, 10), slices=("all",))
    return replace(made, encoder="tfidf" if text is not None else None)


def of_sequences(file: Path, attributes: Path | None) -> DataSet:
    """Any file of amazon-beauty's shape: leave-one-out."""
    options = {"attributes": str(attributes.absolute())} if attributes is not None else {}
    made = DataSet("sequences", str(file.absolute()), options, at=(20, 10), slices=("all",), split="leave-one-out")
    return replace(made, encoder="tfidf" if attributes is not None else None)


def of_dump(folder: Path) -> DataSet:
    """Any Stack Exchange dump, cut in time."""
    return DataSet("stackexchange", str(folder.absolute()))


def data_folder() -> Path:
    """The folder of the real data: what the environment names, else ``shared/data`` beside the checkout."""
    return Path(os.environ.get(DATA_VARIABLE) or CHECKOUT.parent / "shared" / "data")


__all__ = ["CHECKOUT", "DATA_SETS", "DATA_VARIABLE", "VALIDATION", "DataSet", "of_dump", "of_pairs", "of_sequences"]
