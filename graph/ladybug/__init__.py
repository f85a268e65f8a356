"""The embedded store: the journal, and a Ladybug database built from it that answers Cypher."""
