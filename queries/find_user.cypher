// One person by id: whether they are in the graph, and their name.
// params: user
// returns: id, name
MATCH (u:User {id: $user})
RETURN u.id AS id, u.name AS name
