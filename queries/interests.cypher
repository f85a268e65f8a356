// What a person may care about, best first; what they have stated themselves is left out.
// params: user, limit
// returns: id, name, kind, rank, score, reasons
MATCH (u:User {id: $user})-[r:MAY_LIKE]->(e:Entity)
MATCH (g:Generation {id: r.generation})
WHERE g.active
  AND NOT EXISTS { MATCH (u)-[:INTERESTED_IN]->(e) }
RETURN e.id AS id, e.name AS name, e.kind AS kind, r.rank AS rank, r.score AS score, r.reasons AS reasons
ORDER BY rank
LIMIT $limit
