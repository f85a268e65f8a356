"""One file for a whole graph: GraphML, which Gephi, yEd, Cytoscape and igraph read, and JSON as networkx writes it.

Both hold nodes, relationships and their order. Times are ISO 8601, UTC. GraphML has no lists (they are JSON texts), no
difference between an empty text and none, and no control characters: what it cannot hold is counted and said.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import networkx as nx
from lxml import etree

from graphfeed.errors import SourceError
from graphfeed.graph.exchange.networkx_graph import Graph, NetworkxScan
from graphfeed.graph.exchange.place import new_file

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_json(graph: Graph, path: Path, *, force: bool = False) -> Counter[str]:
    """Node-link JSON. What was not carried, with how often: nothing.

    Raises SourceError for a number that JSON cannot hold.
    """
    with new_file(path, force=force) as writing, writing.open("w", encoding="utf-8") as sink:
        try:
            json.dump(nx.node_link_data(graph, edges="edges"), sink, default=_plain, allow_nan=False)
        except ValueError as error:
            raise SourceError(f"the graph holds a number that JSON cannot ({error}): export it as parquet") from error
    return Counter()


def write_graphml(graph: Graph, path: Path, *, force: bool = False) -> Counter[str]:
    """GraphML. The graph's attributes are made fit for it. What was not carried, with how often."""
    lost: Counter[str] = Counter()
    for name, data in graph.nodes(data=True):
        if _NOT_XML.search(name):
            raise SourceError(f"the id in {name!r} holds a control character, which GraphML cannot: export as parquet")
        _fit(data, lost)
    for number, (_, _, data) in enumerate(graph.edges(data=True)):
        _fit(data, lost)
        data["edge_id"] = f"{data['type']}:{data.get('position', number)}"
    with new_file(path, force=force) as writing:
        nx.write_graphml_lxml(graph, writing, edge_id_from_attribute="edge_id", named_key_ids=True)
    return lost


def read_json(path: Path) -> NetworkxScan:
    """Raises SourceError for a file that does not hold a graph of graphfeed's."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        names = [node["id"] for node in content["nodes"]]
        _refuse_repeated(names, path)
        graph = nx.node_link_graph(content, edges="edges" if "edges" in content else "links")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, nx.NetworkXException) as error:
        raise SourceError(f"{path} is not node-link JSON as `graphfeed export` writes it: {_line(error)}") from error
    _refuse_dangling(graph, set(names), path)
    return NetworkxScan(graph, str(path))


def read_graphml(path: Path) -> NetworkxScan:
    """Likewise."""
    try:
        names = [
            node.get("id") or ""
            for _, node in etree.iterparse(str(path), tag="{*}node", resolve_entities=False, huge_tree=True)
        ]
        _refuse_repeated(names, path)
        graph = nx.read_graphml(path, edge_key_type=str, force_multigraph=True)
    except (OSError, ValueError, KeyError, TypeError, etree.XMLSyntaxError, ParseError, nx.NetworkXException) as error:
        raise SourceError(f"{path} is not GraphML as `graphfeed export` writes it: {_line(error)}") from error
    _refuse_dangling(graph, set(names), path)
    return NetworkxScan(graph, str(path))


def _refuse_repeated(names: list[Any], path: Path) -> None:
    name, times = Counter(names).most_common(1)[0] if names else ("", 0)
    if times > 1:
        raise SourceError(f"{path} has the node {name!r} {times} times: an id is there once")


def _refuse_dangling(graph: Any, names: set[Any], path: Path) -> None:
    """networkx makes nodes of ends that are none."""
    for name in graph.nodes:
        if name not in names:
            raise SourceError(f"{path} has an edge from or to {name!r}, which is no node of it")


def _fit(data: dict[str, Any], lost: Counter[str]) -> None:
    """Make attributes such as GraphML can hold, in place."""
    for key, value in list(data.items()):
        if value == "":
            del data[key]
            lost["empty texts, which come back as none"] += 1
            continue
        if isinstance(value, (list, datetime)):
            value = _plain(value) if isinstance(value, datetime) else json.dumps(value, default=_plain)
        if isinstance(value, str) and _NOT_XML.search(value):
            value = _NOT_XML.sub("\ufffd", value)
            lost["texts with control characters, which became U+FFFD"] += 1
        data[key] = value


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no value of a graph")


def _line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
