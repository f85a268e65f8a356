// Recently popular posts, best first: for a person who is not known, and to fill up a short list. For a person who is known,
// what they have met is left out, as in `recommend`.
// params: user, generation, limit
// returns: id, title, kind, rank, score
MATCH (g:Generation {id: $generation})-[r:TRENDING]->(p:Post)
WHERE r.generation = $generation
  AND NOT EXISTS {
    MATCH (:User {id: $user})-[:VIEWED|LIKED|SAVED|SHARED|COMMENTED|DISLIKED|HID|POSTED]->(p)
  }
  AND NOT EXISTS {
    MATCH (p)<-[:POSTED]-(a:User) WHERE EXISTS { MATCH (:User {id: $user})-[:BLOCKED|MUTED]->(a) }
  }
RETURN p.id AS id, p.title AS title, p.kind AS kind, r.rank AS rank, r.score AS score
ORDER BY rank
LIMIT $limit
