// People whom a person may know, best first; those followed, blocked or muted since then are left out.
// params: user, limit
// returns: id, name, rank, score, reasons
MATCH (u:User {id: $user})-[r:MAY_KNOW]->(o:User)
MATCH (g:Generation {id: r.generation})
WHERE g.active AND o.id <> u.id
  AND NOT EXISTS { MATCH (u)-[:FOLLOWS|BLOCKED|MUTED]->(o) }
RETURN o.id AS id, o.name AS name, r.rank AS rank, r.score AS score, r.reasons AS reasons
ORDER BY rank
LIMIT $limit
