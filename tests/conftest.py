"""What all tests share: where the real data is, and a Neo4j server."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest_plugins = ["tests.neo4j_fixture"]

DATA_VARIABLE = "GRAPHFEED_DATA"
BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real data. A test that asks for it is skipped where there is none; under CI=true it fails."""
    folder = Path(os.environ.get(DATA_VARIABLE) or BESIDE)
    if folder.is_dir():
        return folder
    sentence = f"needs the real data: there is no {folder}; {DATA_VARIABLE} names its folder"
    if os.environ.get("CI") == "true":
        pytest.fail(sentence)
    pytest.skip(sentence)
