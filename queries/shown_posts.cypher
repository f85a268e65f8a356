// How many people's published lists have each post among their first $depth places, most shown first.
// params: depth
// returns: id, lists
MATCH (g:Generation {active: true})
MATCH (u:User)-[r:RECOMMENDED]->(p:Post)
WHERE r.generation = g.id AND r.rank <= $depth
WITH p.id AS id, count(r) AS lists
RETURN id, lists
ORDER BY lists DESC, id
