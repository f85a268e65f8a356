"""1 load: one file per source; each yields the same typed records (``graphfeed.loaders.records``)."""
