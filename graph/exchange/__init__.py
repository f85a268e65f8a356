"""At the edges: a graph into another store, into files, and back."""
