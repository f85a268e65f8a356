"""The store on a Neo4j server, and (``server``) such a server for development."""
