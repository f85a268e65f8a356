// The published set of predictions that readers see.
// params:
// returns: id, created_at, now, model, encoder, metrics, kinds
MATCH (g:Generation {active: true})
RETURN g.id AS id, g.created_at AS created_at, g.now AS now, g.model AS model, g.encoder AS encoder, g.metrics AS metrics,
       g.kinds AS kinds
