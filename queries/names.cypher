// How nodes are called, for the words of a reason. The lists hold ids of each label and must not be empty.
// params: users, posts, entities
// returns: label, id, name
UNWIND $users AS id
MATCH (n:User {id: id})
RETURN 'User' AS label, n.id AS id, n.name AS name
UNION ALL
UNWIND $posts AS id
MATCH (n:Post {id: id})
RETURN 'Post' AS label, n.id AS id, coalesce(n.title, left(n.text, 100)) AS name
UNION ALL
UNWIND $entities AS id
MATCH (n:Entity {id: id})
RETURN 'Entity' AS label, n.id AS id, n.name AS name
