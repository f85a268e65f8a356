// A picture of why one post is recommended to a person: the prediction, and every step of the paths that its reasons name. A
// step with no relationship behind it (texts that read alike) is drawn only where SIMILAR_TO joins the two. Ids with line
// breaks and other control characters are not found.
// params: user, post
// returns: reason, share, way
MATCH (u:User {id: $user})-[r:RECOMMENDED]->(p:Post {id: $post})
MATCH (g:Generation {id: r.generation})
WHERE g.active
CALL (u, r, p) {
  MATCH way = (u)-[r]->(p)
  RETURN 'recommended' AS reason, null AS share, way
  UNION
  // The reasons are JSON, which Cypher does not read: they are cut where publishing puts its fixed words.
  WITH u, r, p
  UNWIND split(r.reasons, '{"type": "')[1..] AS text
  WITH u, p, r.generation AS generation, split(text, '"')[0] AS reason,
       toFloat(split(split(text, '"share": ')[1], ',')[0]) AS share,
       // JSON writes a quote and a backslash with a backslash before it.
       [id IN split(split(split(text, '"path": ["')[1], '"]}')[0], '", "') |
         replace(replace(id, '\\"', '"'), '\\\\', '\\')] AS ids
  // Which label stands where: u a User, p a Post, e an Entity.
  WITH u, p, generation, reason, share, ids, CASE
      WHEN size(ids) = 4 AND reason IN ['people_like_you', 'your_readers', 'people_you_read', 'author'] THEN 'upup'
      WHEN size(ids) = 3 AND reason IN ['people_you_follow', 'followed_author'] THEN 'uup'
      WHEN size(ids) = 3 AND reason IN ['linked', 'conversation', 'next', 'similar_text'] THEN 'upp'
      WHEN size(ids) = 4 AND reason IN ['linked', 'conversation', 'next'] THEN 'uppp'
      WHEN size(ids) = 5 AND reason = 'linked' THEN 'upupp'
      WHEN size(ids) = 4 AND reason = 'topic' THEN 'upep'
      WHEN size(ids) = 3 AND reason = 'interest' THEN 'uep'
      WHEN size(ids) = 5 AND reason = 'knowledge' THEN 'upeep'
      ELSE '' END AS shape
  UNWIND range(0, size(shape) - 2) AS i
  OPTIONAL MATCH (fromUser:User {id: ids[i]}) WHERE substring(shape, i, 1) = 'u'
  OPTIONAL MATCH (fromPost:Post {id: ids[i]}) WHERE substring(shape, i, 1) = 'p'
  OPTIONAL MATCH (fromEntity:Entity {id: ids[i]}) WHERE substring(shape, i, 1) = 'e'
  OPTIONAL MATCH (toUser:User {id: ids[i + 1]}) WHERE substring(shape, i + 1, 1) = 'u'
  OPTIONAL MATCH (toPost:Post {id: ids[i + 1]}) WHERE substring(shape, i + 1, 1) = 'p'
  OPTIONAL MATCH (toEntity:Entity {id: ids[i + 1]}) WHERE substring(shape, i + 1, 1) = 'e'
  WITH generation, reason, share, coalesce(fromUser, fromPost, fromEntity) AS a, coalesce(toUser, toPost, toEntity) AS b
  MATCH way = (a)-[step:VIEWED|LIKED|SAVED|SHARED|COMMENTED|POSTED|FOLLOWS|REPLIES_TO|LINKS_TO|MENTIONS|RELATED_TO
                        |INTERESTED_IN|SIMILAR_TO]-(b)
  WHERE step.generation IS NULL OR reason = 'similar_text' AND step.generation = generation
  RETURN reason, share, way
}
RETURN reason, share, way
