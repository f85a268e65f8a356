"""Somebody's own graph in Neo4j, used in place: what plays which role, and graphfeed's Cypher in its names."""
