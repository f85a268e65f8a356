"""The privileges that the docs and the messages name are statements that Neo4j knows.

Community has no roles, so none of them can be run to its end; it reads them first, and refuses wrong words differently.
"""

from __future__ import annotations

import re
from pathlib import Path

import neo4j
import pytest
from tests.neo4j_emptied import empty
from tests.neo4j_fixture import Neo4jServer

from graphfeed.graph.neo4j.address import Address, Credentials
from graphfeed.graph.neo4j.rights import grants
from graphfeed.graph.neo4j.session import Server

PAGE = Path(__file__).parents[2] / "docs" / "neo4j.md"


def answer(server: Neo4jServer, statement: str) -> str:
    """What the server says of it: ``known`` where only the edition keeps it from being done."""
    auth = (server.username, server.password)
    with neo4j.GraphDatabase.driver(server.uri, auth=auth) as driver:
        try:
            driver.execute_query(statement, password="a-long-password", database_="system")
        except neo4j.exceptions.Neo4jError as error:
            return "known" if "Unsupported administration command" in (error.message or "") else str(error.message)
    return "known"


def test_a_wrong_statement_is_told_apart(neo4j_server: Neo4jServer) -> None:
    assert "known" not in answer(neo4j_server, "GRANT CREATE, DELETE ON GRAPH neo4j NODES A TO writer")


def test_grants_for_publishing(neo4j_server: Neo4jServer) -> None:
    empty(neo4j_server)
    address = Address.parse(neo4j_server.uri)
    server = Server(address, Credentials(neo4j_server.username, neo4j_server.password))
    try:
        lines = [line.strip().rstrip(";") for line in grants(server).splitlines()]
    finally:
        server.close()
    assert len(lines) > 8
    assert {line: answer(neo4j_server, line) for line in lines} == dict.fromkeys(lines, "known")


@pytest.mark.parametrize("line", re.findall(r"^(?:CREATE (?:ROLE|USER)|GRANT) .*", PAGE.read_text("utf-8"), re.M))
def test_the_page_s_statements(neo4j_server: Neo4jServer, line: str) -> None:
    statement = line.split("//")[0].strip().rstrip(";")
    if statement.startswith("CREATE USER"):
        statement = statement.replace("feed_api", "neo4j")  # it is there: nobody is made by this test
    assert answer(neo4j_server, statement) == "known"
