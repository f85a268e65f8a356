"""3 learn: split, model, the one training loop, metrics, baselines, predictions."""
