// People of whom the model knows little: fewer than $few engagements, or new, which is to say come after the moment of the
// published generation. Also whether they say nothing about themselves and follow nobody. The least known first.
// params: few, limit
// returns: id, name, acts, few_acts, new, no_text, no_follows, reasons
OPTIONAL MATCH (g:Generation {active: true})
MATCH (u:User)
WITH u.id AS id, u.name AS name,
     COUNT { MATCH (u)-[:VIEWED|LIKED|SAVED|SHARED|COMMENTED]->(:Post) } AS acts,
     coalesce(u.created_at > g.now, false) AS new,
     coalesce(u.about = '', true) AS no_text,
     NOT EXISTS { MATCH (u)-[:FOLLOWS]->(:User) } AS no_follows
WHERE acts < $few OR new
WITH id, name, acts, acts < $few AS few_acts, new, no_text, no_follows
RETURN id, name, acts, few_acts, new, no_text, no_follows,
       CASE WHEN few_acts THEN 1 ELSE 0 END + CASE WHEN new THEN 1 ELSE 0 END + CASE WHEN no_text THEN 1 ELSE 0 END
       + CASE WHEN no_follows THEN 1 ELSE 0 END AS reasons
ORDER BY reasons DESC, acts, id
LIMIT $limit
