"""What is printed of a training and of an evaluation."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rich.console import Console
from tests.face.conftest import Told

from graphfeed.show import show_evaluation, show_model


def printed(show: Any, what: Any) -> str:
    console = Console(width=160, record=True, file=io.StringIO())
    show(console, what)
    return console.export_text()


def test_kinds_of_which_nothing_was_learned_have_no_weights() -> None:
    report = {
        "towers": {"width": 32, "best epoch": 2, "best validation mrr": 0.25, "loss": [3.0, 2.0, 1.0]},
        "factors": {"factors_8": [10.0, 0.1], "factors_21": [10.0, 0.1]},
        "posts": {"questions": 1_240, "validation": 0.5},
        "people": {"questions": 0, "validation": 0.0},
        "second stage": {"used": False, "gained on validation": 0.002},
    }
    model = SimpleNamespace(weights={"posts": {"topic": 0.5}, "people": {"about": 1.0}}, report=report)
    told = printed(show_model, model)
    assert "for posts" in told
    assert "about" not in told
    assert "for people: nothing was learned" in told
    assert "towers: 32 numbers for each node, best after epoch 2 of 3 (validation MRR 0.2500)" in told
    assert "factors: 8, 21 numbers" in told
    assert "for posts: fitted on 1,240 questions; NDCG@10 0.5000 on validation" in told
    assert "second stage: not used, +0.0020 NDCG@10 on validation" in told


def test_a_slice_that_repeats_another_is_named_and_not_shown(sample_run: tuple[Path, Told]) -> None:
    found: Any = sample_run[1].results["evaluate"]
    told = printed(show_evaluation, found)
    assert "not shown" not in told
    every = [row for row in found.rows if row["slice"] == "all"]
    full = [{**row, "slice": "cold_posts", "recall@20": 1.0} for row in every]
    same = [{**row, "slice": "warm_users"} for row in every]
    more = printed(
        show_evaluation,
        replace(found, rows=[*every, *full, *same], _users=dict.fromkeys(("all", "warm_users", "cold_posts"))),
    )
    assert "warm_users is not shown: it has the same questions and figures as all" in more
    assert "recall@20 is 1 for every ranker in cold_posts: too few candidates for it to tell anything" in more
