// A picture of one person: what they did last, what is recommended to them, which of it is by people they follow, and
// what both are about. Draws at most $limit acts and $limit recommendations; posts that were met since publishing are left
// out of the latter.
// params: user, limit
// returns: way
MATCH (u:User {id: $user})
CALL (u) {
  MATCH (u)-[a:VIEWED|LIKED|SAVED|SHARED|COMMENTED|POSTED]->(p:Post)
  WITH p, max(a.at) AS at
  ORDER BY at IS NULL, at DESC, p.id
  LIMIT $limit
  RETURN collect(p) AS met
}
CALL (u) {
  MATCH (u)-[r:RECOMMENDED]->(p:Post)
  MATCH (g:Generation {id: r.generation})
  WHERE g.active
    AND NOT EXISTS { MATCH (u)-[:VIEWED|LIKED|SAVED|SHARED|COMMENTED|DISLIKED|HID|POSTED]->(p) }
    AND NOT EXISTS { MATCH (p)<-[:POSTED]-(a:User) WHERE EXISTS { MATCH (u)-[:BLOCKED|MUTED]->(a) } }
  WITH p, r, g
  ORDER BY r.rank
  LIMIT $limit
  RETURN collect(p) AS shown, collect(r) AS predictions
}
CALL (u, met, shown, predictions) {
  WITH u
  MATCH way = (u)
  RETURN way
  UNION
  WITH u, met
  UNWIND met AS p
  MATCH way = (u)-[:VIEWED|LIKED|SAVED|SHARED|COMMENTED|POSTED]->(p)
  RETURN way
  UNION
  WITH u, predictions
  UNWIND predictions AS r
  MATCH way = (u)-[r]->(:Post)
  RETURN way
  UNION
  WITH u, shown
  UNWIND shown AS p
  MATCH way = (u)-[:FOLLOWS]->(:User)-[:POSTED]->(p)
  RETURN way
  UNION
  WITH met, shown
  UNWIND shown AS p
  MATCH way = (p)-[:MENTIONS]->(:Entity)<-[:MENTIONS]-(m:Post)
  WHERE m IN met AND m <> p
  RETURN way
}
RETURN way
