// The people to whom one post is recommended, those first in whose list it stands highest, whether they have met it since or
// not.
// params: post, limit
// returns: id, name, rank, score, reasons
MATCH (p:Post {id: $post})<-[r:RECOMMENDED]-(u:User)
MATCH (g:Generation {id: r.generation})
WHERE g.active
RETURN u.id AS id, u.name AS name, r.rank AS rank, r.score AS score, r.reasons AS reasons
ORDER BY rank, score DESC, id
LIMIT $limit
