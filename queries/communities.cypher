// How many nodes of each label are in each community, as `graphfeed communities` wrote them on the nodes.
// params:
// returns: community, label, nodes
MATCH (n:User)
WHERE n.community IS NOT NULL
RETURN n.community AS community, 'User' AS label, count(*) AS nodes
UNION ALL
MATCH (n:Post)
WHERE n.community IS NOT NULL
RETURN n.community AS community, 'Post' AS label, count(*) AS nodes
UNION ALL
MATCH (n:Entity)
WHERE n.community IS NOT NULL
RETURN n.community AS community, 'Entity' AS label, count(*) AS nodes
