// How many people and posts there are by what they lack that the model could know them by, as cold_people.cypher and
// cold_posts.cypher tell it. Cold are those with few acts and the new ones.
// params: few
// returns: label, few_acts, new, no_text, no_follows, no_entity, no_author, nodes
OPTIONAL MATCH (g:Generation {active: true})
MATCH (u:User)
WITH COUNT { MATCH (u)-[:VIEWED|LIKED|SAVED|SHARED|COMMENTED]->(:Post) } < $few AS few_acts,
     coalesce(u.created_at > g.now, false) AS new,
     coalesce(u.about = '', true) AS no_text,
     NOT EXISTS { MATCH (u)-[:FOLLOWS]->(:User) } AS no_follows
WITH few_acts, new, no_text, no_follows, count(*) AS nodes
ORDER BY (few_acts OR new) DESC, nodes DESC, few_acts, new, no_text, no_follows
LIMIT 64
RETURN 'User' AS label, few_acts, new, no_text, no_follows, false AS no_entity, false AS no_author, nodes
UNION ALL
OPTIONAL MATCH (g:Generation {active: true})
MATCH (p:Post)
WHERE coalesce(size(g.kinds) = 0, true) OR p.kind IN g.kinds
WITH COUNT { MATCH (p)<-[:VIEWED|LIKED|SAVED|SHARED|COMMENTED]-(:User) } < $few AS few_acts,
     coalesce(p.created_at > g.now, false) AS new,
     coalesce(p.title = '', true) AND coalesce(p.text = '', true) AS no_text,
     NOT EXISTS { MATCH (p)-[:MENTIONS]->(:Entity) } AS no_entity,
     NOT EXISTS { MATCH (p)<-[:POSTED]-(:User) } AS no_author
WITH few_acts, new, no_text, no_entity, no_author, count(*) AS nodes
ORDER BY (few_acts OR new) DESC, nodes DESC, few_acts, new, no_text, no_entity, no_author
LIMIT 64
RETURN 'Post' AS label, few_acts, new, no_text, false AS no_follows, no_entity, no_author, nodes
