// The entities whose posts people engage with at a moment: each act counts 1 when it happens and half as much after every
// half-life, for each entity that its post is about. $now in milliseconds since 1970, $half_life in seconds.
// params: now, half_life, limit
// returns: id, name, kind, score, acts, people, posts
MATCH (u:User)-[r:VIEWED|LIKED|SAVED|SHARED|COMMENTED]->(p:Post)
WITH p, u.id AS user, ($now - r.at.epochMillis) / 1000.0 AS age
WHERE age >= 0 AND age < 20 * $half_life
MATCH (p)-[:MENTIONS]->(e:Entity)
WITH e.id AS id, round(sum(2.0 ^ (-age / $half_life)), 6) AS score, count(*) AS acts, count(DISTINCT user) AS people,
     count(DISTINCT p.id) AS posts
ORDER BY score DESC, id
LIMIT $limit
MATCH (e:Entity {id: id})
RETURN id, e.name AS name, e.kind AS kind, score, acts, people, posts
ORDER BY score DESC, id
