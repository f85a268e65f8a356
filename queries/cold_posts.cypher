// Posts of which the model knows little: fewer than $few engagements, or new, which is to say come after the moment of the
// published generation. Also whether they have no text, are about no entity and have no author. The least known first. Only
// of the kinds that the generation recommends, where there is one: nobody is to find the others by the model.
// params: few, limit
// returns: id, name, acts, few_acts, new, no_text, no_entity, no_author, reasons
OPTIONAL MATCH (g:Generation {active: true})
MATCH (p:Post)
WHERE coalesce(size(g.kinds) = 0, true) OR p.kind IN g.kinds
WITH p.id AS id, coalesce(p.title, left(p.text, 100)) AS name,
     COUNT { MATCH (p)<-[:VIEWED|LIKED|SAVED|SHARED|COMMENTED]-(:User) } AS acts,
     coalesce(p.created_at > g.now, false) AS new,
     coalesce(p.title = '', true) AND coalesce(p.text = '', true) AS no_text,
     NOT EXISTS { MATCH (p)-[:MENTIONS]->(:Entity) } AS no_entity,
     NOT EXISTS { MATCH (p)<-[:POSTED]-(:User) } AS no_author
WHERE acts < $few OR new
WITH id, name, acts, acts < $few AS few_acts, new, no_text, no_entity, no_author
RETURN id, name, acts, few_acts, new, no_text, no_entity, no_author,
       CASE WHEN few_acts THEN 1 ELSE 0 END + CASE WHEN new THEN 1 ELSE 0 END + CASE WHEN no_text THEN 1 ELSE 0 END
       + CASE WHEN no_entity THEN 1 ELSE 0 END + CASE WHEN no_author THEN 1 ELSE 0 END AS reasons
ORDER BY reasons DESC, acts, id
LIMIT $limit
