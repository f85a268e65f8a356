// People who rate movies, in the shape of Neo4j's well-known "recommendations" example: User, Movie, Genre and Person,
// RATED, IN_GENRE, ACTED_IN and DIRECTED. Everybody and everything in it is invented, and all of it is computed: 200 users,
// 300 movies over 600 days, 140 actors and directors. What people like was planted: each has two genres and one actor.
// Paste it into Neo4j Browser, or give it to cypher-shell. Every statement may be run again.

CREATE CONSTRAINT user_id IF NOT EXISTS FOR (u:User) REQUIRE u.userId IS UNIQUE;
CREATE CONSTRAINT movie_id IF NOT EXISTS FOR (m:Movie) REQUIRE m.movieId IS UNIQUE;
CREATE CONSTRAINT person_id IF NOT EXISTS FOR (p:Person) REQUIRE p.personId IS UNIQUE;
CREATE CONSTRAINT genre_name IF NOT EXISTS FOR (g:Genre) REQUIRE g.name IS UNIQUE;

UNWIND ['Comedy', 'Heist', 'History', 'Music', 'Nature', 'Sea', 'Space', 'Western'] AS name
MERGE (:Genre {name: name});

WITH ['Ada', 'Bruno', 'Celia', 'Dario', 'Edda', 'Falk', 'Greta', 'Hugo', 'Ines', 'Jonas', 'Kira', 'Levin', 'Mina', 'Nilo'] AS first,
     ['Ashgrove', 'Bellwether', 'Copperdale', 'Dunmarrow', 'Elmsworth', 'Fennimoor', 'Gorseley', 'Hollowell', 'Inchbrook',
      'Kettlewood'] AS last
UNWIND range(0, 139) AS i
MERGE (p:Person {personId: 1000 + i})
SET p.name = first[i % 14] + ' ' + last[i / 14], p.born = date({year: 1940 + i * 7 % 60, month: 1 + i % 12, day: 1 + i % 28});

WITH ['Amber', 'Broken', 'Crooked', 'Distant', 'Early', 'Forgotten', 'Gentle', 'Hidden', 'Idle', 'Last', 'Lucky', 'Narrow',
      'Patient', 'Quiet', 'Restless', 'Second', 'Silver', 'Thirteenth', 'Velvet', 'Winter'] AS adjectives,
     [{genre: 'Comedy', nouns: ['Wedding', 'Landlord', 'Nephew', 'Disguise'], plot: 'A misunderstanding at a family dinner gets out of hand.'},
      {genre: 'Heist', nouns: ['Vault', 'Getaway', 'Alibi', 'Necklace'], plot: 'Five thieves plan one last robbery of a bank.'},
      {genre: 'History', nouns: ['Empire', 'Treaty', 'Regent', 'Siege'], plot: 'A messenger carries a letter between two kings at war.'},
      {genre: 'Music', nouns: ['Refrain', 'Violin', 'Encore', 'Choir'], plot: 'A singer gathers her old band for a concert.'},
      {genre: 'Nature', nouns: ['Heron', 'Glacier', 'Orchard', 'Marsh'], plot: 'A year in a valley, seen by the animals that live there.'},
      {genre: 'Sea', nouns: ['Harbour', 'Lighthouse', 'Tide', 'Voyage'], plot: 'A captain searches for a ship that was lost in a storm.'},
      {genre: 'Space', nouns: ['Orbit', 'Signal', 'Comet', 'Station'], plot: 'The crew of a spacecraft hears a signal from a dead moon.'},
      {genre: 'Western', nouns: ['Saddle', 'Canyon', 'Sheriff', 'Railway'], plot: 'A stranger rides into a town that waits for the railway.'}
     ] AS kinds
UNWIND range(0, 299) AS i
WITH i, kinds[i % 8] AS kind, kinds[i * 5 / 8 % 8] AS other, adjectives[i / 8 % 20] AS adjective
WITH i, kind, other, 'The ' + adjective + ' ' + kind.nouns[(i / 8 + i / 160) % 4] + CASE WHEN i >= 160 THEN ' Returns' ELSE '' END AS title
MERGE (m:Movie {movieId: i + 1})
SET m.title = title, m.plot = kind.plot, m.released = toString(date('2022-01-01') + duration({days: 2 * i})),
    m.runtime = 80 + i * 37 % 70
WITH m, i, kind, other
UNWIND [kind.genre] + CASE WHEN i % 3 = 0 THEN [other.genre] ELSE [] END AS name
MATCH (g:Genre {name: name})
MERGE (m)-[:IN_GENRE]->(g);

UNWIND range(0, 299) AS i
UNWIND [0, 1, 2] AS k
MATCH (m:Movie {movieId: i + 1}), (p:Person {personId: 1000 + i % 8 * 15 + (i / 8 * 4 + k * 5) % 15})
MERGE (p)-[r:ACTED_IN]->(m)
SET r.role = ['The lead', 'A friend', 'A stranger'][k];

UNWIND range(0, 299) AS i
MATCH (m:Movie {movieId: i + 1}), (p:Person {personId: 1120 + i * 3 % 20})
MERGE (p)-[:DIRECTED]->(m);

WITH ['Alva', 'Bent', 'Cora', 'Dirk', 'Enid', 'Finn', 'Gwen', 'Hal', 'Ivo', 'June', 'Kurt', 'Lena', 'Milo', 'Nora', 'Otis',
      'Pia', 'Rolf', 'Suse', 'Theo', 'Una'] AS first,
     ['Applegarth', 'Birchall', 'Cobbleton', 'Dovecote', 'Evermore', 'Farthing', 'Greengage', 'Hazelnut', 'Ivywood',
      'Juniper'] AS last
UNWIND range(0, 199) AS u
MERGE (n:User {userId: u + 1})
SET n.name = first[u % 20] + ' ' + last[u / 20];

// Who rates what: often what is of a taste's genre, now and then anything; and within four months of its release.
UNWIND range(0, 199) AS u
UNWIND range(0, 299) AS i
WITH u, i, (u * 7919 + i * 104729 + u * i * 15485863) % 10007 AS dice, (u * 611953 + i * 2750159 + u * i * 7368787) % 9973 AS more
WITH u, i, dice, more, CASE WHEN i % 8 = u % 8 THEN 3 WHEN i % 8 = u * 3 / 8 % 8 THEN 2 ELSE 0 END
     + CASE WHEN (i / 8 * 4) % 15 = u % 15 THEN 2 ELSE 0 END AS taste
WHERE dice < CASE WHEN taste >= 3 THEN 5000 WHEN taste = 2 THEN 2500 ELSE 350 END
MATCH (n:User {userId: u + 1}), (m:Movie {movieId: i + 1})
MERGE (n)-[r:RATED]->(m)
SET r.rating = CASE WHEN taste >= 2 THEN 3.5 + more % 4 * 0.5 ELSE 1.0 + more % 6 * 0.5 END,
    r.timestamp = datetime(m.released).epochSeconds + 86400 * (1 + more % 120) + dice;
