"""4 ask: the .cypher files and the functions that run them."""
