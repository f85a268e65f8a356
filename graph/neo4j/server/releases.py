"""The releases of Neo4j Community that graphfeed starts, pinned, and what each needs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Release:
    """A version that was tried, and how it is run."""

    name: str
    """What ``--release`` takes."""
    version: str
    main_class: str
    java: tuple[int, int]
    """The least and the greatest major version of Java that it runs on, both included."""
    jars: int
    """How many jars Maven resolves: what a progress bar counts to."""
    megabytes: int
    """Size of the jars together."""

    @property
    def image(self) -> str:
        return f"neo4j:{self.version}-community"

    @property
    def java_words(self) -> str:
        """ "Java 17 to 21", "Java 21 or newer"."""
        least, most = self.java
        return f"Java {least} or newer" if most >= _ANY else f"Java {least} to {most}"

    def runs_on(self, java_major: int) -> bool:
        return self.java[0] <= java_major <= self.java[1]


_ANY = 999
BROWSER_VERSION = "5.24.0"

LTS = Release("5.26", "5.26.30", "org.neo4j.server.CommunityEntryPoint", (17, 21), jars=214, megabytes=143)
CALENDAR = Release("2026", "2026.08.1", "org.neo4j.server.Neo4jCommunity", (21, _ANY), jars=226, megabytes=174)
RELEASES = {release.name: release for release in (LTS, CALENDAR)}
