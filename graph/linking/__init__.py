"""Names of entities found in texts, as MENTIONS with a confidence: ``linker.link`` is the whole of it."""
