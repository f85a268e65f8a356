// The people who did most, for somebody who wants an id to try.
// params: limit
// returns: id, name, acts
MATCH (u:User)-[r:VIEWED|LIKED|SAVED|SHARED|COMMENTED]->(p:Post)
RETURN u.id AS id, u.name AS name, count(DISTINCT p.id) AS acts
ORDER BY acts DESC, id
LIMIT $limit
