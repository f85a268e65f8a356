// Short paths that were observed between a person and a post, whether or not it is recommended; each kind of path at most
// three times. They say how the two are connected, and carry no share of a score.
// params: user, post
// returns: type, path
MATCH (u:User {id: $user})-[:FOLLOWS]->(a:User)-[:POSTED]->(p:Post {id: $post})
WITH DISTINCT u.id AS person, a.id AS first, p.id AS post ORDER BY first LIMIT 3
RETURN 'followed_author' AS type, [person, first, post] AS path
UNION ALL
MATCH (u:User {id: $user})-[:FOLLOWS]->(a:User)-[:LIKED|SAVED|SHARED|COMMENTED|VIEWED]->(p:Post {id: $post})
WITH DISTINCT u.id AS person, a.id AS first, p.id AS post ORDER BY first LIMIT 3
RETURN 'people_you_follow' AS type, [person, first, post] AS path
UNION ALL
MATCH (u:User {id: $user})-[:LIKED|SAVED|SHARED|COMMENTED|VIEWED]->(a:Post)<-[:POSTED]-(b:User)-[:POSTED]->(p:Post {id: $post})
WHERE a.id <> p.id AND b.id <> u.id
WITH DISTINCT u.id AS person, a.id AS first, b.id AS second, p.id AS post ORDER BY first, second LIMIT 3
RETURN 'author' AS type, [person, first, second, post] AS path
UNION ALL
MATCH (u:User {id: $user})-[:LIKED|SAVED|SHARED|COMMENTED|VIEWED]->(a:Post)
      <-[:LIKED|SAVED|SHARED|COMMENTED|VIEWED]-(b:User)-[:LIKED|SAVED|SHARED|COMMENTED|VIEWED]->(p:Post {id: $post})
WHERE a.id <> p.id AND b.id <> u.id
WITH DISTINCT u.id AS person, a.id AS first, b.id AS second, p.id AS post ORDER BY first, second LIMIT 3
RETURN 'people_like_you' AS type, [person, first, second, post] AS path
UNION ALL
MATCH (u:User {id: $user})-[:INTERESTED_IN]->(a:Entity)<-[:MENTIONS]-(p:Post {id: $post})
WITH DISTINCT u.id AS person, a.id AS first, p.id AS post ORDER BY first LIMIT 3
RETURN 'interest' AS type, [person, first, post] AS path
UNION ALL
MATCH (u:User {id: $user})-[:LIKED|SAVED|SHARED|COMMENTED|VIEWED]->(a:Post)-[:MENTIONS]->(b:Entity)
      <-[:MENTIONS]-(p:Post {id: $post})
WHERE a.id <> p.id
WITH DISTINCT u.id AS person, a.id AS first, b.id AS second, p.id AS post ORDER BY first, second LIMIT 3
RETURN 'topic' AS type, [person, first, second, post] AS path
UNION ALL
MATCH (u:User {id: $user})-[:LIKED|SAVED|SHARED|COMMENTED|VIEWED]->(a:Post)-[:LINKS_TO]-(p:Post {id: $post})
WHERE a.id <> p.id
WITH DISTINCT u.id AS person, a.id AS first, p.id AS post ORDER BY first LIMIT 3
RETURN 'linked' AS type, [person, first, post] AS path
UNION ALL
MATCH (u:User {id: $user})-[:POSTED]->(a:Post)-[:REPLIES_TO]-(p:Post {id: $post})
WHERE a.id <> p.id
WITH DISTINCT u.id AS person, a.id AS first, p.id AS post ORDER BY first LIMIT 3
RETURN 'conversation' AS type, [person, first, post] AS path
