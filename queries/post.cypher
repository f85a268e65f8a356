// One post as it was loaded.
// params: id
// returns: kind, title, text, url, platform, created_at
MATCH (p:Post {id: $id})
RETURN p.kind AS kind, p.title AS title, p.text AS text, p.url AS url, p.platform AS platform,
       p.created_at AS created_at
