"""Quality and speed, each reproducible by one command: ``python -m benchmarks.NAME``. README.md says more."""
