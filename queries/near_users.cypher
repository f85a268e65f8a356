// People whose id begins with a text or whose name contains it, for the message about an id that does not exist.
// params: text, limit
// returns: id, name
MATCH (u:User)
WHERE toLower(u.id) STARTS WITH toLower($text) OR toLower(u.name) CONTAINS toLower($text)
RETURN u.id AS id, u.name AS name
ORDER BY size(id), id
LIMIT $limit
