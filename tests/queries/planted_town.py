"""A town of bakers and chess players whose right answers can be read off, for the questions to the whole graph.

    ada, ben, cleo   bakers: they engage with loaf, crust and rye, which are about bread; ada wrote all three
    dov, eli, fay    players: they engage with mate, fork and opening, which are about chess; dov wrote all three
    gus              did nothing and follows nobody; hid crust; blocked dov

``opening`` (of a chess game) and ``bakery`` (its opening) share the word "opening". The only way between the two groups
leads over cleo, who also viewed fork, and over fay, who follows cleo.
"""

from __future__ import annotations

from pathlib import Path

from tests.queries.toy import DAY, START, predictions, write_edges
from tests.store_rows import nodes

from graphfeed.graph.embed import embed
from graphfeed.graph.schema import Generation
from graphfeed.graph.store import GraphStore, open_store

PEOPLE = {
    "ada": "Ada Example", "ben": "Ben Example", "cleo": "Cleo Example", "dov": "Dov Example",
    "eli": "Eli Example", "fay": "Fay Example", "gus": "Gus Example",
}  # fmt: skip
POSTS = {
    "loaf": ("A loaf for beginners", "Flour, water and salt make a loaf. Sourdough bread needs time.", "article"),
    "crust": ("A crisp crust", "Steam gives bread a crust; the oven must be hot for the loaf.", "article"),
    "rye": ("Rye at home", "Rye flour makes a dense bread with a sour crumb.", "question"),
    "bakery": ("The opening of the bakery", "Bread from eight in the morning.", "article"),
    "mate": ("Mate in two", "White moves the queen and the king is lost: chess at its shortest.", "question"),
    "fork": ("The knight's fork", "A knight attacks king and queen at once, a chess trick.", "article"),
    "opening": ("An opening for players", "The Sicilian is a chess opening for those who like to attack.", "article"),
    "odd": ('Größe, "naïve" café', "C++ AND (title:x) OR *:* ~2 ^3 [a TO b] \\ / 'quoted' && || !", "question"),
    "chinese": ("關於疫苗的謠言", "網路流傳疫苗含有晶片的訊息，經查證為錯誤。", "question"),
    "silent": (None, None, "answer"),
    "late": ("Late crumbs", "A crumb of sourdough: flour, water, salt, loaf and bread.", "question"),
}
ENTITIES = {"bread": "Bread", "chess": "Chess", "lonely": "Lonely topic"}
BAKERS, PLAYERS = ("ada", "ben", "cleo"), ("dov", "eli", "fay")
ABOUT = {"bread": ("loaf", "crust", "rye", "bakery"), "chess": ("mate", "fork", "opening")}
NOW = START + 10 * DAY


def make_town(place: Path | str, *, vectors: bool = True, publish: bool = True) -> GraphStore:
    """The town in a new store, a folder or an empty database's address."""
    store = open_store(place, create=True)
    with store.change("town") as change:
        abouts = [f"{name} lives here." if id_ != "gus" else None for id_, name in PEOPLE.items()]
        change.write_nodes("User", nodes("User", list(PEOPLE), name=list(PEOPLE.values()), about=abouts))
        titles, texts, kinds = (list(column) for column in zip(*POSTS.values(), strict=True))
        times = [NOW + DAY if id_ == "late" else START for id_ in POSTS]
        change.write_nodes("Post", nodes("Post", list(POSTS), title=titles, text=texts, kind=kinds, created_at=times))
        change.write_nodes(
            "Entity",
            nodes("Entity", list(ENTITIES), name=list(ENTITIES.values()), aliases=[["loaves"], ["board game"], None]),
        )
        acts = [(person, post) for person in BAKERS for post in ABOUT["bread"][:3]]
        acts += [(person, post) for person in PLAYERS for post in ABOUT["chess"]]
        rows = [{"source": s, "target": t, "at": START + day * DAY} for day, (s, t) in enumerate(acts) if day < 9]
        rows += [{"source": s, "target": t, "at": START} for s, t in acts[9:]]
        write_edges(change, "LIKED", "User", "Post", [{**row, "count": 1} for row in rows])
        write_edges(change, "VIEWED", "User", "Post", [{"source": "cleo", "target": "fork", "at": NOW, "count": 1}])
        wrote = [("ada", post) for post in ABOUT["bread"][:3]] + [("dov", post) for post in ABOUT["chess"]]
        write_edges(change, "POSTED", "User", "Post", [{"source": s, "target": t} for s, t in wrote])
        mentions = [(post, entity) for entity, posts in ABOUT.items() for post in posts]
        write_edges(change, "MENTIONS", "Post", "Entity", [{"source": s, "target": t} for s, t in mentions])
        write_edges(change, "FOLLOWS", "User", "User", [{"source": "fay", "target": "cleo"}])
        write_edges(change, "HID", "User", "Post", [{"source": "gus", "target": "crust"}])
        write_edges(change, "BLOCKED", "User", "User", [{"source": "gus", "target": "dov"}])
    if vectors:
        embed(store, "tfidf")
    if publish:
        with store.change("publish") as change:
            known = [("eli", "bakery", 1), ("ben", "bakery", 2), ("ada", "bakery", 1), ("gus", "mate", 1)]
            change.write_predictions("RECOMMENDED", predictions(known, "g"))
            change.activate(Generation("g", NOW, NOW, "linear", "tfidf", "{}", (), active=True))
    return store
