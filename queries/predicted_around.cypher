// The published predictions at one node, in both directions.
// params: label, id
// returns: type, forward, label, id
MATCH (n:User {id: $id})-[r:RECOMMENDED]->(o:Post)
MATCH (g:Generation {id: r.generation})
WHERE g.active AND $label = 'User'
RETURN 'RECOMMENDED' AS type, true AS forward, 'Post' AS label, o.id AS id
UNION ALL
MATCH (n:User {id: $id})-[r:MAY_KNOW]->(o:User)
MATCH (g:Generation {id: r.generation})
WHERE g.active AND $label = 'User'
RETURN 'MAY_KNOW' AS type, true AS forward, 'User' AS label, o.id AS id
UNION ALL
MATCH (n:User {id: $id})<-[r:MAY_KNOW]-(o:User)
MATCH (g:Generation {id: r.generation})
WHERE g.active AND $label = 'User'
RETURN 'MAY_KNOW' AS type, false AS forward, 'User' AS label, o.id AS id
UNION ALL
MATCH (n:User {id: $id})-[r:MAY_LIKE]->(o:Entity)
MATCH (g:Generation {id: r.generation})
WHERE g.active AND $label = 'User'
RETURN 'MAY_LIKE' AS type, true AS forward, 'Entity' AS label, o.id AS id
UNION ALL
MATCH (n:Post {id: $id})<-[r:RECOMMENDED]-(o:User)
MATCH (g:Generation {id: r.generation})
WHERE g.active AND $label = 'Post'
RETURN 'RECOMMENDED' AS type, false AS forward, 'User' AS label, o.id AS id
UNION ALL
MATCH (n:Post {id: $id})-[r:SIMILAR_TO]->(o:Post)
MATCH (g:Generation {id: r.generation})
WHERE g.active AND $label = 'Post'
RETURN 'SIMILAR_TO' AS type, true AS forward, 'Post' AS label, o.id AS id
UNION ALL
MATCH (n:Post {id: $id})<-[r:SIMILAR_TO]-(o:Post)
MATCH (g:Generation {id: r.generation})
WHERE g.active AND $label = 'Post'
RETURN 'SIMILAR_TO' AS type, false AS forward, 'Post' AS label, o.id AS id
UNION ALL
MATCH (n:Entity {id: $id})<-[r:MAY_LIKE]-(o:User)
MATCH (g:Generation {id: r.generation})
WHERE g.active AND $label = 'Entity'
RETURN 'MAY_LIKE' AS type, false AS forward, 'User' AS label, o.id AS id
