"""How names are looked for in texts: ``[link]`` of graphfeed.toml, and the options of ``graphfeed link``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class LinkSettings(BaseModel):
    """Which names count as found, and from when on a link is written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_confidence: float = Field(default=0.25, ge=0, le=1)
    """A link with less is not written; 0: all."""
    max_share: float = Field(default=0.1, ge=0, le=1)
    """A name found in a larger share of the texts (and in more than 20) tells too little alone; 1: none does."""
    kinds: tuple[str, ...] = ()
    """Only entities of these kinds; empty: all."""
    vectors: bool = True
    """Names that several entities share, and those that are too common, are decided by the texts' vectors; false: they
    are left out."""
