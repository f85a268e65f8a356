// What people engage with at a moment of the posts about one entity: each act counts 1 when it happens and half as much
// after every half-life. $now in milliseconds since 1970, $half_life in seconds.
// params: entity, now, half_life, limit
// returns: id, title, kind, score, acts, people
MATCH (e:Entity {id: $entity})<-[:MENTIONS]-(p:Post)
WITH DISTINCT p
MATCH (p)<-[r:VIEWED|LIKED|SAVED|SHARED|COMMENTED]-(u:User)
WITH p.id AS id, u.id AS user, ($now - r.at.epochMillis) / 1000.0 AS age
WHERE age >= 0 AND age < 20 * $half_life
WITH id, round(sum(2.0 ^ (-age / $half_life)), 6) AS score, count(*) AS acts, count(DISTINCT user) AS people
ORDER BY score DESC, id
LIMIT $limit
MATCH (p:Post {id: id})
RETURN id, coalesce(p.title, left(p.text, 100)) AS title, p.kind AS kind, score, acts, people
ORDER BY score DESC, id
