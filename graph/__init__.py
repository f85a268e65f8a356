"""2 build: the schema, the stores, text vectors, and the graph as tensors."""
