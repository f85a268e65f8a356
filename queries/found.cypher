// What a search shows of the nodes that it found. The lists hold ids of each label and must not be empty.
// params: users, posts, entities
// returns: label, id, name, kind, text
UNWIND $users AS id
MATCH (n:User {id: id})
RETURN 'User' AS label, n.id AS id, n.name AS name, '' AS kind, left(n.about, 20000) AS text
UNION ALL
UNWIND $posts AS id
MATCH (n:Post {id: id})
RETURN 'Post' AS label, n.id AS id, n.title AS name, n.kind AS kind, left(n.text, 20000) AS text
UNION ALL
UNWIND $entities AS id
MATCH (n:Entity {id: id})
RETURN 'Entity' AS label, n.id AS id, n.name AS name, n.kind AS kind, left(n.text, 20000) AS text
