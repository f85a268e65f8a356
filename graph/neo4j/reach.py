"""Why a server does not answer: asked by a plain connection, for the driver's routing hides the cause."""

from __future__ import annotations

import socket
import ssl

from graphfeed.graph.neo4j.address import Address

_SECONDS = 2.0


def why_unreachable(address: Address) -> str:
    """One sentence. For a scheme that checks certificates, the handshake is tried, too."""
    where = address.uri
    try:
        with socket.create_connection((address.host, address.port), _SECONDS) as link:
            if "+" not in address.scheme:
                return f"something answers at {where}, but it is no Neo4j server, or one that wants TLS (neo4j+s://)"
            context = ssl.create_default_context()
            if address.scheme.endswith("+ssc"):
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            with context.wrap_socket(link, server_hostname=address.host):
                return f"something answers at {where}, but it is no Neo4j server, or not on its Bolt port"
    except ssl.SSLCertVerificationError as error:
        return refused_certificate(where, error)
    except (ssl.SSLError, ConnectionResetError):
        return f"{where} does not speak TLS: plain neo4j:// is for such a server"
    except socket.gaierror:
        return f"no machine is known by the name of {address.host}: expected neo4j://host:7687"
    except (TimeoutError, OSError):
        return f"no server answers at {where}: is it running, and is this its Bolt port?"


def refused_certificate(where: str, error: ssl.SSLError) -> str:
    """One sentence about a certificate that was not accepted."""
    why = getattr(error, "verify_message", "") or error.reason or str(error)
    return f"{where}: the server's certificate was not accepted ({why}); +ssc:// takes one that it signed itself"
