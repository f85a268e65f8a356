"""The measuring itself: ratios, the check against an earlier run, peak memory of a process, growth per edge."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from benchmarks import speed, speed_growth
from benchmarks.speed_child import run_child
from benchmarks.speed_rounds import alternate, median, ratio_of, ratio_row


def test_works_take_turns_and_ratios_are_within_rounds() -> None:
    order: list[str] = []
    names = ("a", "b", "c")
    seconds = alternate({name: lambda n=name: order.append(n) for name in names}, rounds=3)  # type: ignore[misc]
    assert order == [*names, "a", "b", "c", "b", "c", "a", "c", "a", "b"]
    assert all(len(values) == 3 for values in seconds.values())
    # Another program slows the second round down threefold: both alike, so the ratio stays.
    assert ratio_of({"slow": [2.0, 6.0, 2.2], "fast": [1.0, 3.0, 1.0]}, "slow", "fast") == 2.0
    assert median([3.0, 1.0, 2.0]) == 2.0
    real = alternate({"long": lambda: time.sleep(0.2), "short": lambda: time.sleep(0.02)}, rounds=3, warm=False)
    assert ratio_of(real, "long", "short") > 2


def test_a_row_says_whether_it_was_reached() -> None:
    assert ratio_row(2.0) == {"ratio": 2.0}
    assert ratio_row(2.0, at_least=2.5) == {"ratio": 2.0, "at_least": 2.5, "reached": False}
    assert ratio_row(1.4, at_most=1.5)["reached"]


def result(**ratios: dict[str, Any]) -> dict[str, Any]:
    return {"parts": {"p": {"ratios": ratios, "figures": {}}}, "machine": {"cpu": "one"}}


def test_a_check_tells_what_fell_and_only_that() -> None:
    last = result(fast={"ratio": 4.0, "at_least": 2.5}, grown={"ratio": 1.0, "at_most": 1.5}, gone={"ratio": 1.0})
    same = result(fast={"ratio": 3.1}, grown={"ratio": 1.2, "at_most": 1.5}, gone={"ratio": 9.0}, new={"ratio": 0.1})
    assert speed.compare(last, same, 0.25) == []
    worse = result(fast={"ratio": 2.9}, grown={"ratio": 1.3, "at_most": 1.5})
    assert speed.compare(last, worse, 0.25) == [
        "p: fast: was 4.00, is 2.90",
        "p: grown: was 1.00, is 1.30",
        "p: gone: was 1.00, and is not measured any more",
    ]


def test_a_child_has_a_peak_of_its_own_and_an_end() -> None:
    small = run_child([sys.executable, "-c", "pass"])
    # The kernel lets a peak begin with the parent's, here that of the tests: only what goes beyond it shows.
    more = int(small.peak_mib * 2**20) + 200_000_000
    large = run_child([sys.executable, "-c", f"x = bytearray({more}); x[::4096] = x[::4096]"])
    assert small.code == large.code == 0
    assert large.peak_mib - small.peak_mib > 180
    ended = run_child([sys.executable, "-c", "import time; time.sleep(60)"], limit=0.3)
    assert ended.stopped
    assert ended.seconds < 10
    assert run_child([sys.executable, "-c", "raise SystemExit(3)"]).code == 3


def test_growth_is_per_edge_and_leaves_out_what_was_stopped() -> None:
    found = {
        "load 100": {"edges": 100, "us_an_edge": 1.0, "bytes_an_edge": 10.0},
        "load 1000": {"edges": 1_000, "us_an_edge": 1.2, "bytes_an_edge": 20.0},
        "load 10000": {"edges": 10_000, "us_an_edge": 9.0, "bytes_an_edge": 9.0, "people": 7},
        "publish 100": {"edges": 100, "us_an_edge": 1.0, "bytes_an_edge": 10.0},
        "publish 1000": {"edges": 1_000, "us_an_edge": 9.0, "bytes_an_edge": 9.0, "stopped": True},
    }
    ratios = speed_growth.growth_ratios(found)
    assert {name: row["reached"] for name, row in ratios.items()} == {
        "load: time per edge at 1,000 over 100": True,
        "load: memory per edge at 1,000 over 100": False,
    }


def test_a_community_goes_through_all_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    found = speed_growth.measure(1, sizes=(3_000,))
    assert list(found["stages"]) == [f"{stage} 3000" for stage in speed_growth.STAGES]
    assert all(row["peak_mib"] > 50 for row in found["stages"].values())


def test_a_part_is_measured_shown_written_and_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    file = tmp_path / "speed.json"
    monkeypatch.setattr(sys, "argv", ["speed", "--parts", "loading", "--rounds", "1", "--json", str(file)])
    speed.main()
    found = json.loads(file.read_text(encoding="utf-8"))
    ratio = found["parts"]["loading"]["ratios"]["ours over pandas read_csv alone"]["ratio"]
    assert 0 < ratio < 1
    assert found["parts"]["loading"]["figures"]["ours, rows/s"] > 1_000
    assert "ours over pandas" in capsys.readouterr().out
    found["parts"]["loading"]["ratios"]["ours over pandas read_csv alone"]["ratio"] = 1_000.0
    file.write_text(json.dumps(found), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["speed", "--check", str(file), "--rounds", "1"])
    with pytest.raises(SystemExit) as stopped:
        speed.main()
    assert stopped.value.code == 1
    assert "was 1000.00" in capsys.readouterr().out


def test_a_file_that_is_no_result_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other.json").write_text("{}", encoding="utf-8")
    for name, words in (("none.json", "expected the figures"), ("other.json", "has no parts")):
        monkeypatch.setattr(sys, "argv", ["speed", "--check", str(tmp_path / name)])
        with pytest.raises(SystemExit, match=words):
            speed.main()
