// The published reasons for recommending a post to a person.
// params: user, post
// returns: rank, score, reasons, generation
MATCH (u:User {id: $user})-[r:RECOMMENDED]->(p:Post {id: $post})
MATCH (g:Generation {id: r.generation})
WHERE g.active
RETURN r.rank AS rank, r.score AS score, r.reasons AS reasons, g.id AS generation
