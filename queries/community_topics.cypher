// What the posts of one community are about: entities that many of them mention and few others do, those first whose
// mentions from within are most times the part that they are of all mentions.
// params: community, limit
// returns: id, name, kind, pagerank, community
MATCH (p:Post)-[:MENTIONS]->(e:Entity)
WHERE p.community = $community
WITH e, count(*) AS inside
WITH e, inside, COUNT { MATCH (e)<-[:MENTIONS]-(:Post) } AS everywhere
WITH e.id AS id, e.name AS name, e.kind AS kind, e.pagerank AS pagerank, e.community AS community,
     round(1.0 * inside * inside / everywhere, 6) AS weight
ORDER BY weight DESC, id
LIMIT $limit
RETURN id, name, kind, pagerank, community
