// Posts for one person, best first, out of the predictions that are active. What the person has met since then is left
// out: engaged with, disliked, hidden, their own, or by somebody whom they blocked or muted. Looks at ranks down to $depth,
// in order, and stops when there are enough.
// params: user, depth, limit
// returns: id, title, kind, rank, score, reasons, generation
MATCH (u:User {id: $user})
WITH u, EXISTS { MATCH (u)-[:BLOCKED|MUTED]->(:User) } AS avoids
MATCH (u)-[r:RECOMMENDED]->(p:Post)
WHERE r.rank <= $depth
MATCH (g:Generation {id: r.generation})
WHERE g.active
WITH u, r, p, g, avoids
ORDER BY r.rank LIMIT $depth
WHERE NOT EXISTS { MATCH (u)-[:VIEWED|LIKED|SAVED|SHARED|COMMENTED|DISLIKED|HID|POSTED]->(p) }
  AND NOT (avoids AND EXISTS { MATCH (p)<-[:POSTED]-(a:User) WHERE EXISTS { MATCH (u)-[:BLOCKED|MUTED]->(a) } })
RETURN p.id AS id, p.title AS title, p.kind AS kind, r.rank AS rank, r.score AS score, r.reasons AS reasons,
       g.id AS generation
ORDER BY rank
LIMIT $limit
