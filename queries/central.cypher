// The most important nodes of a label by PageRank, as `graphfeed central` wrote it on the nodes: of one community, or of all
// with a number below 0.
// params: label, community, limit
// returns: id, name, kind, pagerank, community
MATCH (n:User)
WHERE $label = 'User' AND n.pagerank IS NOT NULL AND ($community < 0 OR n.community = $community)
WITH n.id AS id, n.name AS name, n.pagerank AS pagerank, n.community AS community
ORDER BY pagerank DESC, id
LIMIT $limit
RETURN id, name, '' AS kind, pagerank, community
UNION ALL
MATCH (n:Post)
WHERE $label = 'Post' AND n.pagerank IS NOT NULL AND ($community < 0 OR n.community = $community)
WITH n.id AS id, coalesce(n.title, left(n.text, 100)) AS name, n.kind AS kind, n.pagerank AS pagerank,
     n.community AS community
ORDER BY pagerank DESC, id
LIMIT $limit
RETURN id, name, kind, pagerank, community
UNION ALL
MATCH (n:Entity)
WHERE $label = 'Entity' AND n.pagerank IS NOT NULL AND ($community < 0 OR n.community = $community)
WITH n.id AS id, n.name AS name, n.kind AS kind, n.pagerank AS pagerank, n.community AS community
ORDER BY pagerank DESC, id
LIMIT $limit
RETURN id, name, kind, pagerank, community
