// Posts whose id begins with a text or whose title contains it, for the message about an id that does not exist.
// params: text, limit
// returns: id, name
MATCH (p:Post)
WHERE toLower(p.id) STARTS WITH toLower($text) OR toLower(p.title) CONTAINS toLower($text)
RETURN p.id AS id, p.title AS name
ORDER BY size(id), id
LIMIT $limit
