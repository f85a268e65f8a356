"""The loss of the text encoder's fine-tuning: each text finds its partner among all texts of the step."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from graphfeed.training.links import Int64


def in_batch_softmax(left: Tensor, right: Tensor, taken_off: tuple[Tensor, Tensor], counts: Tensor) -> Tensor:
    """Mean loss of pairs whose vectors are ``left`` and ``right`` ``[pairs, width]``, both ways round.

    Every pair's right text is to be found among all right texts by the left one, and the other way (multiple negatives
    ranking, Henderson et al. 2017; InfoNCE, van den Oord et al. 2018). A text that is in many pairs is met as a wrong
    answer as often as it is popular; ``taken_off`` ``[pairs]`` each, the logarithm of how often, for the left and the
    right texts, makes up for that (logQ, Bengio and Senécal 2008; Yi et al. 2019). ``counts`` ``[pairs, pairs]``: which
    right text may be a wrong answer to which left one; each pair's own is on the diagonal and True.
    """
    scores = left @ right.T
    answer = torch.arange(len(left), device=left.device)
    there = (scores - taken_off[1][None, :]).masked_fill(~counts, -torch.inf)
    back = (scores.T - taken_off[0][None, :]).masked_fill(~counts.T, -torch.inf)
    cross_entropy = torch.nn.functional.cross_entropy
    return (cross_entropy(there, answer) + cross_entropy(back, answer)) / 2


def may_be_wrong(left: Int64, right: Int64, codes: Int64, texts: int) -> npt.NDArray[np.bool_]:
    """Which right text may be a wrong answer to which left one, ``[pairs, pairs]``; the diagonal is True.

    Not the text itself, nor one that it is in a pair with: ``codes`` are all pairs as ``left · texts + right``.
    """
    partners = np.isin(left[:, None] * texts + right[None, :], codes)
    wrong = ~(partners | (left[:, None] == right[None, :]))
    np.fill_diagonal(wrong, True)
    return np.asarray(wrong)
