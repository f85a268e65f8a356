"""The notebooks of docs/ are run from top to bottom, and are kept as they look after that."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
MOST_BYTES = 300_000


def test_both_are_there() -> None:
    assert [file.stem for file in NOTEBOOKS] == ["analysts", "researchers"]


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_it_is_kept_as_it_was_run_and_light(file: Path) -> None:
    assert file.stat().st_size < MOST_BYTES
    cells = [cell for cell in nbformat.read(file, 4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert outputs
    assert {output.output_type for output in outputs} <= {"display_data", "execute_result", "stream"}
    assert not [output.text for output in outputs if output.get("name") == "stderr"]
    for word in (str(Path.home()), "/tmp/", "Traceback"):
        assert word not in file.read_text(encoding="utf-8")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_it_runs(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for name in ("GRAPHFEED_STORE", "GRAPHFEED_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    notebook = nbformat.read(file, 4)
    kept = [len(cell.get("outputs", [])) for cell in notebook.cells]
    NotebookClient(
        notebook, timeout=500, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    assert [len(cell.get("outputs", [])) for cell in notebook.cells] == kept
    assert list(tmp_path.iterdir()) == []
