// What can put posts in order for one person: the posts recommended to them (with their rank), the entities that they care
// about or may like, the people they follow; and the posts that they must not see: hidden, disliked, or by somebody blocked
// or muted.
// params: user
// returns: what, id, rank
MATCH (u:User {id: $user})-[r:RECOMMENDED]->(p:Post)
MATCH (g:Generation {id: r.generation})
WHERE g.active
WITH p.id AS id, r.rank AS rank
ORDER BY rank
LIMIT 1000
RETURN 'recommended' AS what, id, rank
UNION ALL
MATCH (u:User {id: $user})-[r:MAY_LIKE]->(e:Entity)
MATCH (g:Generation {id: r.generation})
WHERE g.active
RETURN 'cares' AS what, e.id AS id, r.rank AS rank
UNION ALL
MATCH (u:User {id: $user})-[:INTERESTED_IN]->(e:Entity)
RETURN 'cares' AS what, e.id AS id, 0 AS rank
UNION ALL
MATCH (u:User {id: $user})-[:FOLLOWS]->(o:User)
RETURN 'follows' AS what, o.id AS id, 0 AS rank
UNION ALL
MATCH (u:User {id: $user})-[:DISLIKED|HID]->(p:Post)
RETURN 'barred' AS what, p.id AS id, 0 AS rank
UNION ALL
MATCH (u:User {id: $user})-[:BLOCKED|MUTED]->(a:User)-[:POSTED]->(p:Post)
RETURN 'barred' AS what, p.id AS id, 0 AS rank
