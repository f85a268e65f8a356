// All posts that may be recommended to a person, newest first: the last resort to fill up a short list. Of the kinds that
// the generation recommends; with live = false, only those that existed at the moment that it was made for.
// params: user, generation, live, limit
// returns: id, title, kind
OPTIONAL MATCH (:User {id: $user})-[:VIEWED|LIKED|SAVED|SHARED|COMMENTED|DISLIKED|HID|POSTED]->(m:Post)
WITH collect(m.id) AS met
OPTIONAL MATCH (:User {id: $user})-[:BLOCKED|MUTED]->(:User)-[:POSTED]->(b:Post)
WITH met, collect(b.id) AS avoided
MATCH (g:Generation {id: $generation})
MATCH (p:Post)
WHERE (size(g.kinds) = 0 OR p.kind IN g.kinds)
  AND ($live OR p.created_at IS NULL OR p.created_at <= g.now)
  AND NOT list_contains(met, p.id) AND NOT list_contains(avoided, p.id)
WITH p.id AS id, p.title AS title, p.kind AS kind, p.created_at AS created_at
ORDER BY created_at IS NULL, created_at DESC, id
LIMIT $limit
RETURN id, title, kind
