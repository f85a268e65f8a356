"""What is cut or cleaned before it is loaded."""

from __future__ import annotations

from pathlib import Path

from benchmarks.prepared import VALIDATION, eight_one_one, without_telling_tags
from benchmarks.quality import set_apart
from tests.training import worlds


def test_eight_one_one_is_drawn_per_person_and_set_apart(tmp_path: Path) -> None:
    raw, scratch = tmp_path / "raw", tmp_path / "scratch"
    raw.mkdir()
    scratch.mkdir()
    counts = {"7": 50, "8": 12, "9": 3, "10": 2, "11": 1}
    lines = [f"{user}\t{item}\t5" for user, count in counts.items() for item in range(count)]
    (raw / "user_artists.dat").write_text("userID\tartistID\tweight\n" + "\n".join(lines) + "\n")
    _, options = eight_one_one(tmp_path, scratch)

    def pairs(file: Path) -> set[tuple[str, ...]]:
        return {tuple(line.split()) for line in file.read_text().splitlines()}

    train, both, validation = pairs(options["train"]), pairs(options["test"]), pairs(scratch / VALIDATION)
    assert not train & both
    assert validation < both
    assert len(train | both) == 68
    per_person = {user: sum(who == user for who, _ in both - validation) for user in counts}
    assert per_person == {"7": 5, "8": 1, "9": 1, "10": 1, "11": 0}
    assert {user: sum(who == user for who, _ in validation) for user in counts} == {
        "7": 5, "8": 1, "9": 1, "10": 0, "11": 0,
    }  # fmt: skip


def test_validation_pairs_are_taken_out_of_the_test() -> None:
    graph = worlds.two_groups()
    test = graph.held_out["test"]
    set_apart(graph, [f"u{user} p{post}" for user, post in test[:, :5].T.tolist()])
    assert graph.held_out["validation"].T.tolist() == test[:, :5].T.tolist()
    assert graph.held_out["test"].shape[1] == test.shape[1] - 5


def test_tags_of_articles_that_only_held_out_saves_know_are_left_out(tmp_path: Path) -> None:
    folder, scratch = tmp_path / "data", tmp_path / "scratch"
    (folder / "splits_cvae").mkdir(parents=True)
    scratch.mkdir()
    (folder / "splits_cvae" / "cf-train-10-users.dat").write_text("2 0 3\n0\n")
    (folder / "tag-item.dat").write_text("3 0 1 3\n1 2\n")
    (folder / "users.dat").write_text("1 0\n")
    place, _ = without_telling_tags(folder, scratch)
    assert (place / "tag-item.dat").read_text() == "2 0 3\n0\n"
    assert (place / "users.dat").read_text() == "1 0\n"
