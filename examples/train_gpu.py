"""Train a neural recommender on a graph of your own and see how it ranks: where to start from, on a GPU or a CPU.

    python examples/train_gpu.py STORE --kind hgt --loss softmax --epochs 100
    python examples/train_gpu.py STORE --kind sage --fanout 10 10 --batch 4096     # neighbours drawn: for large graphs

STORE is what `graphfeed load` and `graphfeed embed` made. Change what you like: settings are in `training/settings.py`,
layers in `training/neural_towers.py`, losses in `training/losses.py`, the loop in `training/loop.py`.
"""

from __future__ import annotations

import argparse

import torch

import graphfeed
from graphfeed.training.evaluate import evaluate
from graphfeed.training.leaks import check_leaks
from graphfeed.training.model import LinearModel
from graphfeed.training.settings import ModelSettings, RunSettings, TowerSettings


def main() -> None:
    """Train on what came first, choose on what came then, and test on the rest."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store")
    parser.add_argument("--kind", default="hgt", choices=["linear", "hgt", "gat", "sage"])
    parser.add_argument("--loss", default="softmax", choices=["softmax", "bpr", "directau"])
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--batch", type=int, help="links per step; left out: as many as a kind takes")
    parser.add_argument("--fanout", type=int, nargs="+", help="neighbours drawn at each layer; left out: all")
    parser.add_argument("--seed", type=int, default=0)
    given = vars(parser.parse_args())

    torch.set_float32_matmul_precision("high")  # TF32 where the GPU has it
    with graphfeed.open(given.pop("store")) as feed:
        split = feed.split()
        check_leaks(split)  # raises where the graph that is trained on shows anything of the test
        run = RunSettings(device="auto", seed=given.pop("seed"))
        model = LinearModel(ModelSettings(parts=("towers",), towers=TowerSettings(**given)), run)

        def told(what: str, done: int, steps: int, word: str) -> None:
            if word:
                print(f"{what} {done}/{steps}: {word}", flush=True)

        model.fit(split, told)
        found = evaluate(split, [model])
        row = next(row for row in found.rows if row["slice"] == "all")
        for metric in ("ndcg@10", "recall@20"):
            print(f"{metric} {row[metric]:.4f} ({row[f'{metric}_low']:.4f} to {row[f'{metric}_high']:.4f})")


if __name__ == "__main__":
    main()
