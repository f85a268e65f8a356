// The latest time of an engagement; null where none has a time.
// params:
// returns: at
MATCH (u:User)-[r:VIEWED|LIKED|SAVED|SHARED|COMMENTED]->(p:Post)
RETURN max(r.at) AS at
