"""The commands that make a model and put its predictions into the graph: from embed to rollback."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from graphfeed import cli_load
from graphfeed.errors import ConfigError
from graphfeed.options import Debug, Device, SplitKindName, Store, Track, WindowDays, err, note, open_feed, out
from graphfeed.stage_settings import stage_config, training_of

_PARTS = ("test", "validation", "fit")
_KINDS = ("posts", "people", "interests")


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for function, example in (
        (embed, "graphfeed embed --encoder tfidf"),
        (train, "graphfeed train --window-days 7 --seed 1"),
        (evaluate, "graphfeed evaluate --json figures.json"),
        (leaks, "graphfeed leaks --window-days 7"),
        (publish, "graphfeed publish --now latest"),
        (rollback, "graphfeed rollback"),
    ):
        app.command(epilog=f"Example: {example}")(function)


def embed(
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder",
            help="tfidf, a Hugging Face name, or the folder of a sentence encoder; else [embed]'s, else"
            " all-MiniLM-L6-v2.",
        ),
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", help="cpu, cuda; else [embed]'s, else a GPU where there is one.")
    ] = None,
    store: Store = None,
    debug: Debug = False,
) -> None:
    """Turn the text of every node into a vector; texts known from before are not encoded again."""
    from graphfeed.progress import ProgressBars
    from graphfeed.show import show_embed

    section = stage_config(store, "embed")[0].embed
    with open_feed(store) as feed, ProgressBars(err()) as bars:
        report = feed.embed(encoder or section.encoder, device=device or section.device, progress=bars.counts)
    show_embed(out(), report)
    note("next: graphfeed train")


def train(
    window_days: WindowDays = None,
    split_kind: SplitKindName = None,
    part: Annotated[
        list[str] | None, typer.Option("--part", help="Only these parts: paths, factors, towers, time.")
    ] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", help="At most so many passes; 0: the warm start.")] = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, max=2**32 - 1, help="Seed of every random choice; else [train]'s, else 0."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume/--afresh", help="Go on from a checkpoint that fits.")] = True,
    track: Track = None,
    device: Device = None,
    store: Store = None,
    debug: Debug = False,
) -> None:
    """Train the model on the graph's past and keep it in the store's workspace."""
    from graphfeed.progress import ProgressBars
    from graphfeed.show import show_model

    chosen: dict[str, Any] = {"parts": tuple(part)} if part else {}
    chosen |= {"towers": {"epochs": epochs}} if epochs is not None else {}
    given = training_of(*stage_config(store, "train", "split"), window_days, split_kind, chosen)
    with open_feed(store) as feed, ProgressBars(err()) as bars:
        model = feed.train(
            given.settings,
            given.split,
            device=device or given.device,
            seed=given.seed if seed is None else seed,
            resume=resume,
            track=track or given.track,
            progress=bars.steps,
        )
        described = feed.split(given.split).describe()
    note(described)
    show_model(out(), model)
    note("next: graphfeed evaluate, or graphfeed publish")


def evaluate(
    json_file: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write the rows to a file; - is standard output.")
    ] = None,
    part: Annotated[str, typer.Option("--on", help="The part of the split: test, validation or fit.")] = "test",
    kind: Annotated[str, typer.Option("--kind", help="What is predicted: posts, people or interests.")] = "posts",
    baselines: Annotated[
        bool | None, typer.Option("--baselines/--no-baselines", help="Fit and rank with the simple rules, too.")
    ] = None,
    parts: Annotated[
        bool | None, typer.Option("--parts/--no-parts", help="Also each part of the model alone (trains them).")
    ] = None,
    track: Track = None,
    device: Device = None,
    store: Store = None,
    debug: Debug = False,
) -> None:
    """Rank all candidates for what people did next, with the model and with simple rules."""
    from graphfeed.progress import ProgressBars
    from graphfeed.show import evaluation_as_json, show_evaluation

    for name, value, known in (("--on", part, _PARTS), ("--kind", kind, _KINDS)):
        if value not in known:
            raise ConfigError(f"{name} takes one of {', '.join(known)}, found {value!r}")
    config, file = stage_config(store, "evaluate")
    given = training_of(config, file, None, None)
    if part != "test":
        note(f"the model was fitted once more with the {part} part in the end: its figures there are no measurement")
    with open_feed(store) as feed, ProgressBars(err()) as bars:
        found = feed.evaluate(
            part=part,  # type: ignore[arg-type]
            kind=kind,  # type: ignore[arg-type]
            baselines=config.evaluate.baselines if baselines is None else baselines,
            parts=config.evaluate.parts if parts is None else parts,
            device=device or given.device,
            track=track or given.track,
            progress=bars.steps,
        )
    if "oracle" in found.kinds.values():
        cli_load.say_sample()
    if json_file == "-":
        print(json.dumps(evaluation_as_json(found), indent=2))
        return
    if json_file is not None:
        try:
            found.to_json(json_file)
        except OSError as error:
            raise ConfigError(f"{json_file} cannot be written: {error.strerror}") from error
        note(f"wrote {json_file}")
    show_evaluation(out(), found)


def leaks(
    window_days: WindowDays = None,
    split_kind: SplitKindName = None,
    store: Store = None,
    debug: Debug = False,
) -> None:
    """Audit the split: fail if what is trained on shows anything of what is to be predicted."""
    from graphfeed.training.leaks import check_leaks

    given = training_of(*stage_config(store, "split"), window_days, split_kind)
    with open_feed(store) as feed:
        split = feed.split(given.split)
        warnings_ = check_leaks(split)
    for warning in warnings_:
        out().print(f"to be known: {warning}", highlight=False, markup=False, soft_wrap=True)
    out().print(f"no leak: {split.describe()}", highlight=False, markup=False, soft_wrap=True)


def publish(
    now: Annotated[
        str | None,
        typer.Option("--now", help="The moment to recommend for: clock, latest (time in the graph) or a date."),
    ] = None,
    top: Annotated[
        int | None, typer.Option("--top", min=1, help="Predictions per person and kind; else [publish]'s, else 100.")
    ] = None,
    active_days: Annotated[
        float | None,
        typer.Option("--active-days", min=0, help="Only for people who did something in so many days before --now."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would be written, write nothing.")] = False,
    device: Device = None,
    store: Store = None,
    debug: Debug = False,
) -> None:
    """Write the predictions and their reasons into the graph and make them what readers see."""
    from graphfeed.moments import pick_moment
    from graphfeed.progress import ProgressBars
    from graphfeed.show import show_published

    config, file = stage_config(store, "publish")
    section, given = config.publish, training_of(config, file, None, None)
    with open_feed(store) as feed, ProgressBars(err()) as bars:
        if not dry_run:
            feed.require_writable("publish")
        moment = pick_moment(section.now if now is None else now, feed.graph().latest_time())
        note(f"recommending for {moment.shown}: {moment.why}")
        report = feed.publish(
            moment.at,
            top=section.top if top is None else top,
            active_days=section.active_days if active_days is None else active_days,
            device=device or given.device,
            dry_run=dry_run,
            progress=bars.steps,
        )
        show_published(out(), report)
        people = feed.status()["people"]
    if dry_run:
        return
    note(f"next: graphfeed recommend {people[0]['id'] if people else 'USER'}")


def rollback(store: Store = None, debug: Debug = False) -> None:
    """Make the predictions that were published before the present ones active again."""
    with open_feed(store) as feed:
        generation = feed.rollback()
    out().print(f"generation {generation.id} is active again", highlight=False, markup=False)
