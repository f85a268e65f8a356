// Posts for one person, best first, out of the predictions that are active. What the person has met since then is left
// out: engaged with, disliked, hidden, their own, or by somebody whom they blocked or muted. Looks at ranks down to $depth.
// params: user, depth, limit
// returns: id, title, kind, rank, score, reasons, generation
OPTIONAL MATCH (:User {id: $user})-[:BLOCKED|MUTED]->(:User)-[:POSTED]->(b:Post)
WITH collect(b.id) AS avoided
MATCH (u:User {id: $user})-[r:RECOMMENDED]->(p:Post)
WHERE r.rank <= $depth
MATCH (g:Generation {id: r.generation})
WHERE g.active
  AND NOT EXISTS { MATCH (u)-[:VIEWED|LIKED|SAVED|SHARED|COMMENTED|DISLIKED|HID|POSTED]->(p) }
  AND NOT list_contains(avoided, p.id)
RETURN p.id AS id, p.title AS title, p.kind AS kind, r.rank AS rank, r.score AS score, r.reasons AS reasons,
       g.id AS generation
ORDER BY rank
LIMIT $limit
