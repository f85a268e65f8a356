// What entities are called, for words that may be an id or a name in any case: those whose id it is first.
// params: text, limit
// returns: id, name, kind
MATCH (e:Entity)
WHERE e.id = $text OR toLower(e.name) = toLower($text)
RETURN e.id AS id, e.name AS name, e.kind AS kind
ORDER BY CASE WHEN id = $text THEN 0 ELSE 1 END, id
LIMIT $limit
