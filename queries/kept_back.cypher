// What keeps a post from a person, however well it would suit: acts of theirs, in words. None for a post that they may see.
// params: user, post
// returns: act
MATCH (:User {id: $user})-[:POSTED]->(p:Post {id: $post})
RETURN 'wrote it' AS act
UNION
MATCH (:User {id: $user})-[:VIEWED|LIKED|SAVED|SHARED|COMMENTED]->(p:Post {id: $post})
RETURN 'engaged with it' AS act
UNION
MATCH (:User {id: $user})-[:DISLIKED|HID]->(p:Post {id: $post})
RETURN 'disliked or hid it' AS act
UNION
MATCH (:User {id: $user})-[:BLOCKED|MUTED]->(:User)-[:POSTED]->(p:Post {id: $post})
RETURN 'blocked or muted its author' AS act
