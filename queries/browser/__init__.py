"""The graph in Neo4j Browser: a style, a guide, saved queries, and the small server from which Browser gets them.

    subject = find_subject(store, "ada")              # whom the pictures are about, and which recommendation
    pages = make_pages(store, subject, "http://localhost:7480", dbms="neo4j://neo4j@127.0.0.1:7687")
    with BrowserServer(7480, pages, "http://127.0.0.1:7474") as server:
        server.serve_forever()                         # open server.address + "/start"

``style.grass`` and ``guide.html`` can be edited as they are; what stands in them is held against the schema by tests.
"""

from graphfeed.queries.browser.guide import Subject, find_subject
from graphfeed.queries.browser.pages import make_pages
from graphfeed.queries.browser.serve import DEFAULT_PORT, BrowserServer, check_browser

__all__ = ["DEFAULT_PORT", "BrowserServer", "Subject", "check_browser", "find_subject", "make_pages"]
