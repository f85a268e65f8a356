// What nodes can be called in a picture: whether any has a name, and whether every post has a title.
// params:
// returns: people_named, entities_named, posts_titled, posts_untitled, posts_worded
RETURN EXISTS { MATCH (u:User) WHERE u.name IS NOT NULL } AS people_named,
       EXISTS { MATCH (e:Entity) WHERE e.name IS NOT NULL } AS entities_named,
       EXISTS { MATCH (p:Post) WHERE p.title IS NOT NULL } AS posts_titled,
       EXISTS { MATCH (p:Post) WHERE p.title IS NULL } AS posts_untitled,
       EXISTS { MATCH (p:Post) WHERE p.text IS NOT NULL } AS posts_worded
