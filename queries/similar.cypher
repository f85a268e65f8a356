// Posts like one post, most alike first.
// params: post, limit
// returns: id, title, kind, rank, score, reasons
MATCH (s:Post {id: $post})-[r:SIMILAR_TO]->(p:Post)
MATCH (g:Generation {id: r.generation})
WHERE g.active AND p.id <> s.id
RETURN p.id AS id, p.title AS title, p.kind AS kind, r.rank AS rank, r.score AS score, r.reasons AS reasons
ORDER BY rank
LIMIT $limit
