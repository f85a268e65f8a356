"""The command ``graphfeed load``: a source into the store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from graphfeed.options import Debug, Json, Store, err, note, open_feed, out


def load(
    source: Annotated[
        str, typer.Argument(help="tables, stackexchange, hetrec, citeulike, sequences, pairs or sample.")
    ],
    path: Annotated[Path | None, typer.Argument(help="Folder or file; none for the sample.")] = None,
    mapping: Annotated[
        Path | None,
        typer.Option("--mapping", "--config", help="tables: the graphfeed.toml that says which column is what."),
    ] = None,
    site: Annotated[str | None, typer.Option("--site", help="stackexchange: the name of the site.")] = None,
    train: Annotated[Path | None, typer.Option("--train", help="hetrec: the train pairs of a published split.")] = None,
    test: Annotated[Path | None, typer.Option("--test", help="pairs, hetrec: a file of test pairs.")] = None,
    split: Annotated[str | None, typer.Option("--split", help="citeulike: P1 or P10.")] = None,
    friends: Annotated[Path | None, typer.Option("--friends", help="pairs: two user ids per line.")] = None,
    friends_both_ways: Annotated[
        bool, typer.Option("--friends-both-ways", help="pairs: friends follow each other.")
    ] = False,
    kg: Annotated[
        Path | None, typer.Option("--kg", help="pairs, hetrec: a knowledge graph; head, relation, tail per line.")
    ] = None,
    kg_items: Annotated[
        Path | None, typer.Option("--kg-items", help="pairs, hetrec: item id and entity id per line.")
    ] = None,
    text: Annotated[Path | None, typer.Option("--text", help="pairs, sequences: item id, tab, text per line.")] = None,
    text_sequences: Annotated[
        Path | None, typer.Option("--text-sequences", help="sequences: the same sequences with the ids of --text.")
    ] = None,
    attributes: Annotated[
        Path | None, typer.Option("--attributes", help="sequences: JSON of item ids and their attributes.")
    ] = None,
    end: Annotated[str | None, typer.Option("--end", help="sequences: the date of everybody's last act.")] = None,
    step_days: Annotated[float | None, typer.Option("--step-days", help="sequences: days between two acts.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first row that cannot be used.")] = False,
    bulk: Annotated[
        bool,
        typer.Option("--bulk", help="A first load into an empty Neo4j by its importer: much faster; stops the server."),
    ] = False,
    store: Store = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Load data into the store; rows that cannot be used are set aside in a file, with the reason."""
    from graphfeed.progress import ProgressBars
    from graphfeed.show import load_as_json, show_load

    options = {
        **{"mapping": mapping, "site": site, "train": train, "test": test, "split": split, "friends": friends},
        **{"friends_both_ways": friends_both_ways or None, "kg": kg, "kg_items": kg_items, "text": text},
        **{"text_sequences": text_sequences, "attributes": attributes, "end": end, "step_days": step_days},
    }
    with open_feed(store, mapping) as feed, ProgressBars(err()) as bars:
        report = feed.load(source, path, strict=strict, bulk=note if bulk else None, progress=bars.records, **options)
    if as_json:
        print(json.dumps(load_as_json(report), indent=2))
        return
    show_load(out(), report)
    if source == "sample":
        say_sample()
    note("next: graphfeed embed")


def say_sample() -> None:
    """Say that the sample community is invented."""
    from graphfeed.loaders.sample import NOTICE

    note(NOTICE)
