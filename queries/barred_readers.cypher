// The people whom one post must not be shown to: who disliked or hid it, or blocked or muted its author.
// params: post
// returns: id
MATCH (u:User)-[:DISLIKED|HID]->(p:Post {id: $post})
RETURN u.id AS id
UNION
MATCH (u:User)-[:BLOCKED|MUTED]->(a:User)-[:POSTED]->(p:Post {id: $post})
RETURN u.id AS id
