"""Training and evaluation followed in TensorBoard and MLflow: read back with their own readers."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tests.neo4j_fixture import free_ports

import graphfeed
from graphfeed.cli import main
from graphfeed.errors import ConfigError, TrainingError
from graphfeed.feed import Feed
from graphfeed.training.settings import ModelSettings
from graphfeed.training.split import SplitSettings
from graphfeed.training.tracking import flat, open_tracker

SETTINGS = ModelSettings.model_validate({"towers": {"epochs": 2, "patience": 2}, "mixture": {"questions": 60}})
SPLIT = SplitSettings(max_windows=4)


@pytest.fixture
def feed(tmp_path: Path) -> Iterator[Feed]:
    with graphfeed.open(tmp_path / "feed") as feed:
        feed.load("sample")
        feed.embed("tfidf")
        yield feed


@pytest.fixture(scope="module")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, port = tmp_path_factory.mktemp("mlflow"), free_ports(1)[0]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder)]
    log = (folder / "log").open("w")
    server = subprocess.Popen(command, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{address}/health", timeout=1).close()
                break
            except OSError:
                assert server.poll() is None, (folder / "log").read_text()
                time.sleep(0.5)
        yield address
    finally:
        server.terminate()
        server.wait(30)


def scalars(folder: Path) -> EventAccumulator:
    found = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    found.Reload()
    return found


def test_tensorboard_has_curves_weights_settings_and_the_test_in_one_run(feed: Feed, tmp_path: Path) -> None:
    to = f"tensorboard:{tmp_path / 'runs'}"
    model = feed.train(SETTINGS, SPLIT, track=to)
    evaluation = feed.evaluate(track=to)
    (run,) = (tmp_path / "runs").iterdir()
    found = scalars(run)
    losses = found.Scalars("towers/loss")
    assert [event.step for event in losses] == [1, 2]
    assert [event.value for event in losses] == pytest.approx(model.report["towers"]["loss"], abs=1e-4)
    told = [event.value for event in found.Scalars("towers/validation MRR")]
    assert told == pytest.approx(model.report["towers"]["validation mrr"], abs=1e-4)
    for term, weight in model.weights["posts"].items():
        (event,) = found.Scalars(f"weights/posts/{term}")
        assert event.value == pytest.approx(weight)
    assert model.weights["posts"]
    for row in evaluation.rows:
        (event,) = found.Scalars(f"test/posts/{row['slice']}/{row['model']}/ndcg@10")
        assert event.value == pytest.approx(row["ndcg@10"])
    settings = found.Tensors("settings/text_summary")[0].tensor_proto.string_val[0].decode()
    assert "| settings.towers.epochs | 2 |" in settings
    feed.train(SETTINGS, SPLIT, track=to)  # another training is another run
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {"train-1", "train-2"}


def test_mlflow_has_the_same_on_a_real_server(feed: Feed, mlflow_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "a town")
    model = feed.train(SETTINGS, SPLIT, seed=3, track=f"mlflow:{mlflow_server}")
    evaluation = feed.evaluate(track=f"mlflow:{mlflow_server}")
    client = mlflow.MlflowClient(tracking_uri=mlflow_server)
    (run,) = client.search_runs([client.get_experiment_by_name("a town").experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params["seed"] == "3"
    assert run.data.params["settings.towers.epochs"] == "2"
    losses = client.get_metric_history(run.info.run_id, "towers/loss")
    assert [metric.step for metric in losses] == [1, 2]
    assert [metric.value for metric in losses] == pytest.approx(model.report["towers"]["loss"], abs=1e-4)
    (row,) = (r for r in evaluation.rows if r["kind"] == "model" and r["slice"] == "all")
    assert run.data.metrics[f"test/posts/all/{row['model']}/ndcg_at_10"] == pytest.approx(row["ndcg@10"])


def test_a_training_that_fails_is_marked_as_failed(mlflow_server: str, tmp_path: Path) -> None:
    with graphfeed.open(tmp_path / "empty") as feed:
        feed.load_frames({"User": pd.DataFrame({"id": ["a"]})})
        with pytest.raises(TrainingError):
            feed.train(track=f"mlflow:{mlflow_server}")
    client = mlflow.MlflowClient(tracking_uri=mlflow_server)
    runs = client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert "FAILED" in {run.info.status for run in runs}


def test_what_cannot_be_followed_is_said_before_training(feed: Feed, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="tensorboard:FOLDER or mlflow:ADDRESS, found 'wandb'"):
        feed.train(SETTINGS, SPLIT, track="wandb")
    nobody = f"http://somebody:hush@127.0.0.1:{free_ports(1)[0]}"
    with pytest.raises(ConfigError, match=r"MLflow at http://127\.0\.0\.1") as said:
        feed.train(SETTINGS, SPLIT, track=f"mlflow:{nobody}")
    assert "hush" not in str(said.value)
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        feed.train(SETTINGS, SPLIT, track=f"tensorboard:{tmp_path / 'file'}")
    assert not (feed.store.workspace / "model" / "training.json").exists()


def test_a_tracker_that_fails_later_is_given_up_and_the_training_is_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_tracker(f"tensorboard:{tmp_path / 'runs'}") as tracker:
        tracker.figures({"loss": 1.0}, 1)
        tracker.figures({"loss": object()}, 2)  # type: ignore[dict-item]
        tracker.figures({"loss": 3.0}, 3)
    assert [event.step for event in scalars(tmp_path / "runs" / "train-1").Scalars("loss")] == [1]
    assert caplog.text.count("nothing more is written to") == 1


def test_the_commands_and_graphfeed_toml_take_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "graphfeed.toml").write_text(
        '[[load]]\nsource = "sample"\n[embed]\nencoder = "tfidf"\n[split]\nmax_windows = 4\n'
        '[train]\ntrack = "tensorboard:curves"\n[train.towers]\nepochs = 1\n[train.mixture]\nquestions = 60\n'
        "[evaluate]\nbaselines = false\n"
    )
    with pytest.raises(SystemExit) as ended:
        main(["run", str(tmp_path / "graphfeed.toml")])
    assert ended.value.code == 0
    assert "test/posts/all/linear/ndcg@10" in scalars(tmp_path / "curves" / "train-1").Tags()["scalars"]
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", "--no-baselines", "--on", "validation", "--track", "tensorboard:curves"])
    assert ended.value.code == 0
    (run,) = (tmp_path / "curves").iterdir()
    assert "validation/posts/all/linear/ndcg@10" in scalars(run).Tags()["scalars"]


def test_nested_settings_become_dotted_names() -> None:
    assert flat({"a": {"b": 1, "c": {"d": None}}, "e": "x"}) == {"a.b": "1", "a.c.d": "null", "e": "x"}
