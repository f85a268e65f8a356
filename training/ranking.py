"""The best items of every user by the product of their vectors: exact, in tiles, without ever sorting a whole row.

    items, scores = top_k(users, posts, 20, seen)      # [users, 20] each

What costs is not the products but choosing: a row of scores is longer than what is kept of it by three orders. So

1. scores are worked out roughly, in bfloat16 where the processor multiplies it by itself, tile by tile of the items, so
   that a tile is still in the cache when the largest score of each group of 32 items is taken;
2. the k-th largest of these is no more than the k-th best score, so only groups that reach it, less what rounding can
   have changed, can hold one of the best;
3. the few scores in these groups that reach it too are worked out again in float32, and only they are sorted.

The bound on rounding is that of Cauchy and Schwarz (|error| ≤ ε·|u|·|x|), so the answer is that of float32 products.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from graphfeed.errors import TrainingError
from graphfeed.graph.arithmetic import processor_flags

GROUP = 32
"""Items of which only the largest score is looked at first."""
TILE = 2_048
"""Items whose scores, for a block of users, stay in a processor's second cache."""
SPACING = TILE // GROUP
"""Groups of a tile. A group's items stand so far apart that the maxima of neighbours are taken at once."""
CELLS = 24_000_000
"""At most so many rough scores at once (2 bytes each in bfloat16, 4 in float32)."""
BLOCK = 512
"""At most so many users at once."""
ROUNDING = {torch.bfloat16: 2.0**-7, torch.float32: 2.0**-14}
"""ε: for bfloat16 2⁻⁸ for both factors and 2⁻⁹ for the result, for float32 the sum's; and room to spare."""


@dataclass(frozen=True)
class Tiles:
    """Vectors of items, rounded and cut into tiles, the last one filled up: what ``top_k`` reads, made once."""

    exact: Tensor
    """``[items, width]`` float32."""
    rough: list[Tensor]
    """``[width, TILE]`` each."""
    longest: Tensor
    """Length of the longest vector."""
    scores: Tensor
    """Where the rough scores of a block are put: memory that is new to every block costs as much as the products."""

    @classmethod
    def of(cls, items: Tensor, dtype: torch.dtype | None = None, most: int = BLOCK) -> Tiles:
        """Of items ``[items, width]`` float32, for blocks of at most so many users; ``dtype`` as for ``top_k``."""
        _check_finite("items", items)
        exact = items.float()
        filled = torch.nn.functional.pad(exact, (0, 0, 0, -len(items) % TILE)).to(dtype or rough_type(items.device))
        block = max(1, min(BLOCK, CELLS // max(len(filled), 1), most))
        longest = exact.norm(dim=1).max() if len(exact) else torch.zeros((), device=items.device)
        return cls(
            exact, [part.T for part in torch.split(filled, TILE)], longest, filled.new_empty(block * len(filled))
        )

    @property
    def count(self) -> int:
        """Items."""
        return len(self.exact)

    @property
    def block(self) -> int:
        """Users at once."""
        return max(1, len(self.scores) // max(len(self.rough) * TILE, 1))


def top_k(
    users: Tensor, items: Tensor | Tiles, k: int, seen: sp.csr_matrix | None = None, *, dtype: torch.dtype | None = None
) -> tuple[Tensor, Tensor]:
    """The k items of largest dot product for each user, best first; equal ones in the order of the items.

    ``users`` ``[users, width]`` and ``items`` ``[items, width]`` are float32 on one device, or ``items`` are tiles that
    were made before; ``seen`` ``[users, items]`` is left out. ``dtype``: of the rough scores; None: bfloat16 where that
    is fast, else float32. The answer is the same. Returns item numbers int64 and scores float32, ``[users, k]`` each;
    where fewer are left, -1 and -inf.

    Raises TrainingError for vectors that are not finite or do not fit.
    """
    exact = items if isinstance(items, Tensor) else items.exact
    _check(users, exact, k, seen)
    if not len(exact):
        empty = torch.full((len(users), k), -1, device=users.device)
        return empty, torch.full(empty.shape, -torch.inf, device=users.device)
    tiles = Tiles.of(items, dtype, len(users)) if isinstance(items, Tensor) else items
    found = []
    for start in range(0, len(users), tiles.block):
        block = slice(start, min(start + tiles.block, len(users)))
        found += _block(users[block], tiles, k, None if seen is None else seen[block])
    if not found:
        return torch.zeros((0, k), dtype=torch.int64), torch.zeros((0, k))
    return torch.cat([items_ for items_, _ in found]), torch.cat([scores for _, scores in found])


def rough_type(device: torch.device) -> torch.dtype:
    """bfloat16 where the device multiplies it by itself, else float32."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    return torch.bfloat16 if any(processor_flags().values()) else torch.float32


def _check(users: Tensor, items: Tensor, k: int, seen: sp.csr_matrix | None) -> None:
    if users.ndim != 2 or items.ndim != 2 or users.shape[1] != items.shape[1]:
        raise TrainingError(
            f"expected vectors of one width, found users {list(users.shape)} and items {list(items.shape)}"
        )
    if k < 1:
        raise TrainingError(f"expected to rank at least 1 item for each user, found {k}")
    if seen is not None and seen.shape != (len(users), len(items)):
        raise TrainingError(f"expected seen items {[len(users), len(items)]}, found {list(seen.shape)}")
    _check_finite("users", users)


def _check_finite(name: str, vectors: Tensor) -> None:
    if not bool(torch.isfinite(vectors).all()):
        raise TrainingError(f"expected finite vectors, found NaN or infinity in those of the {name}")


def _block(users: Tensor, tiles: Tiles, k: int, seen: sp.csr_matrix | None) -> list[tuple[Tensor, Tensor]]:
    """Items and scores of a block of users; of its halves where the block would take too much memory."""
    exact = users.float()
    rough, largest = _rough_scores(exact, tiles, seen)
    error = ROUNDING[rough.dtype] * exact.norm(dim=1) * tiles.longest
    # The k-th largest maximum is at most `error` above the k-th best score, and a best one's rough score at most that
    # below its own.
    enough = min(k, largest.shape[1])
    least = largest.topk(enough, dim=1, sorted=False).values.amin(1) if enough == k else _lowest(largest)
    least = least - 2 * error
    user, group = (largest >= least[:, None]).nonzero(as_tuple=True)
    if len(user) * GROUP > CELLS and len(users) > 1:
        half = len(users) // 2
        first, second = (None, None) if seen is None else (seen[:half], seen[half:])
        return [*_block(users[:half], tiles, k, first), *_block(users[half:], tiles, k, second)]
    user, item = _candidates(rough, least, user, group)
    return [_best(user, item, dot_products(exact, tiles.exact, user, item), len(users), k)]


def dot_products(users: Tensor, items: Tensor, user: Tensor, item: Tensor) -> Tensor:
    """Dot products of pairs ``(user[i], item[i])``, ``[pairs]``, with bounded memory."""
    size = max(1, CELLS // max(users.shape[1], 1))
    parts = [
        (users.index_select(0, some) * items.index_select(0, others)).sum(1)
        for some, others in zip(torch.split(user, size), torch.split(item, size), strict=True)
    ]
    return torch.cat(parts)


def _lowest(largest: Tensor) -> Tensor:
    """No bound: there are fewer groups than wanted items."""
    return torch.full((len(largest),), -torch.inf, device=largest.device)


def _rough_scores(users: Tensor, tiles: Tiles, seen: sp.csr_matrix | None) -> tuple[Tensor, Tensor]:
    """Scores ``[tiles, users, TILE]`` in the tiles' type, and the largest of each group, float32 ``[users, groups]``.

    What is seen, and what fills the last tile up, has minus infinity.
    """
    shape = (len(tiles.rough), len(users), TILE)
    rough = tiles.scores[: shape[0] * shape[1] * TILE].view(shape)
    largest = rough.new_empty((len(users), len(tiles.rough) * SPACING))
    rounded = users.to(rough.dtype)
    hidden = _hidden(seen, len(tiles.rough), users.device)
    for number, tile in enumerate(tiles.rough):
        scores = rough[number]
        torch.mm(rounded, tile, out=scores)
        if hidden is not None:
            scores.view(-1).index_fill_(0, hidden[number], -torch.inf)
        if number == len(tiles.rough) - 1:
            scores[:, tiles.count - number * TILE :] = -torch.inf
        columns = slice(number * SPACING, (number + 1) * SPACING)
        torch.amax(scores.view(len(users), GROUP, SPACING), 1, out=largest[:, columns])
    return rough, largest.float()


def _hidden(seen: sp.csr_matrix | None, tiles: int, device: torch.device) -> list[Tensor] | None:
    """The places ``user · TILE + item`` of what is seen, by tile."""
    if seen is None:
        return None
    user, item = seen.nonzero()
    order = np.argsort(item // TILE, kind="stable")
    place = torch.from_numpy((user.astype(np.int64) * TILE + item % TILE)[order]).to(device)
    ends = np.bincount(item // TILE, minlength=tiles)
    return list(torch.split(place, ends.tolist()))


def _candidates(rough: Tensor, least: Tensor, user: Tensor, group: Tensor) -> tuple[Tensor, Tensor]:
    """Users and items, in this order, of the scores in some groups that reach their user's least."""
    tile, inside = group // SPACING, group % SPACING
    begin = (tile * rough.shape[1] + user) * TILE + inside
    place = begin[:, None] + torch.arange(0, TILE, SPACING, device=user.device)
    scores = rough.view(-1).index_select(0, place.view(-1)).view(place.shape).float()
    reached = (scores >= least.index_select(0, user)[:, None]) & (scores > -torch.inf)
    row, member = reached.nonzero(as_tuple=True)
    item = (tile * TILE + inside).index_select(0, row) + member * SPACING
    chosen = user.index_select(0, row)
    order = torch.argsort(chosen * (rough.shape[0] * TILE) + item)
    return chosen[order], item[order]


def _best(user: Tensor, item: Tensor, scores: Tensor, users: int, k: int) -> tuple[Tensor, Tensor]:
    """Of candidates in the order of users and items, each user's best k."""
    count = torch.bincount(user, minlength=users)
    first = count.cumsum(0) - count
    width = max(k, int(count.max()))
    column = torch.arange(len(user), device=user.device) - first.index_select(0, user)
    table = torch.full((users, width), -torch.inf, device=user.device)
    table[user, column] = scores
    items = torch.full((users, width), -1, device=user.device)
    items[user, column] = item
    best, order = torch.sort(table, dim=1, descending=True, stable=True)
    return items.gather(1, order[:, :k]), best[:, :k].contiguous()
