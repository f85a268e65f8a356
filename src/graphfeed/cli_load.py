"""The command ``graphfeed load``: a source into the store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from graphfeed.errors import ConfigError
from graphfeed.options import Debug, Json, Store, err, note, open_feed, out


def load(
    source: Annotated[
        str,
        typer.Argument(
            help="tables, sql, stackexchange, mastodon, bluesky, mind, kgat, pairs, sequences, hetrec, citeulike or"
            " sample."
        ),
    ],
    path: Annotated[
        str | None,
        typer.Argument(
            help="Folder, file, .zip or .tar.gz; or where it lies, as s3:// or https://; sql: the database's address;"
            " none for the sample."
        ),
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option("--mapping", "--config", help="tables, sql: the graphfeed.toml that says which column is what."),
    ] = None,
    site: Annotated[str | None, typer.Option("--site", help="stackexchange: the name of the site.")] = None,
    train: Annotated[str | None, typer.Option("--train", help="hetrec: the train pairs of a published split.")] = None,
    test: Annotated[str | None, typer.Option("--test", help="pairs, hetrec: a file of test pairs.")] = None,
    split: Annotated[str | None, typer.Option("--split", help="citeulike: P1 or P10.")] = None,
    friends: Annotated[str | None, typer.Option("--friends", help="pairs: two user ids per line.")] = None,
    friends_both_ways: Annotated[
        bool, typer.Option("--friends-both-ways", help="pairs: friends follow each other.")
    ] = False,
    kg: Annotated[
        str | None, typer.Option("--kg", help="pairs, hetrec: a knowledge graph; head, relation, tail per line.")
    ] = None,
    kg_items: Annotated[
        str | None, typer.Option("--kg-items", help="pairs, hetrec: item id and entity id per line.")
    ] = None,
    text: Annotated[str | None, typer.Option("--text", help="pairs, sequences: item id, tab, text per line.")] = None,
    text_sequences: Annotated[
        str | None, typer.Option("--text-sequences", help="sequences: the same sequences with the ids of --text.")
    ] = None,
    attributes: Annotated[
        str | None, typer.Option("--attributes", help="sequences: JSON of item ids and their attributes.")
    ] = None,
    end: Annotated[str | None, typer.Option("--end", help="sequences: the date of everybody's last act.")] = None,
    step_days: Annotated[float | None, typer.Option("--step-days", help="sequences: days between two acts.")] = None,
    near: Annotated[
        int | None,
        typer.Option("--near", help="mind: to how many others an entity is related by its vector (10; 0: none)."),
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="mastodon: also posts that are not for everybody.")
    ] = False,
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

    if source == "tables" and path is not None and "://" not in path and not Path(path).exists():
        raise ConfigError(f"{path} is not there: expected a folder with table files, or an archive of one")
    options: dict[str, Any] = {
        **{"mapping": mapping, "site": site, "train": train, "test": test, "split": split, "friends": friends},
        **{"friends_both_ways": friends_both_ways or None, "kg": kg, "kg_items": kg_items, "text": text},
        **{"text_sequences": text_sequences, "attributes": attributes, "end": end, "step_days": step_days},
        **{"near": near, "private": private or None},
    }
    with open_feed(store, mapping) as feed, ProgressBars(err()) as bars:
        told: dict[str, Any] = {"bulk": note if bulk else None, "progress": bars.records, "fetching": bars.fetched}
        report = feed.load(source, path, strict=strict, **told, **options)
        is_there = not bulk or any(feed.store.counts().nodes.values())  # else the files wait for somebody's server
    if as_json:
        print(json.dumps(load_as_json(report), indent=2))
        return
    show_load(out(), report)
    if source == "sample":
        say_sample()
    if hidden := sum(file.passed_over for name, file in report.files.items() if name.endswith(": not public")):
        note(f"{hidden:,} posts that are not for everybody were left out: --private loads them, too")
    if is_there:
        note("next: graphfeed embed")


def say_sample() -> None:
    """Say that the sample community is invented."""
    from graphfeed.loaders.sample import NOTICE

    note(NOTICE)
