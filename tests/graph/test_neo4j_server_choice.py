"""What a development server needs, what it refuses, and the sentences that say so; nothing is started here."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest
from tests.neo4j_fixture import free_ports

from graphfeed.errors import ConfigError, ServerError
from graphfeed.graph.neo4j.server import (
    CALENDAR,
    LTS,
    ServerSettings,
    default_home,
    java,
    missing,
    reset,
    start,
    status,
)
from graphfeed.graph.neo4j.server.choice import choose_way
from graphfeed.graph.neo4j.server.docker_way import DockerWay, container_name, run_arguments
from graphfeed.graph.neo4j.server.home import Home, Served
from graphfeed.graph.neo4j.server.jars import fetch_jars, jar_folder, pom_text
from graphfeed.graph.neo4j.server.java_way import JavaWay, is_running, last_words
from graphfeed.graph.neo4j.server.settings import configuration_text, java_options


def program(path: Path, text: str) -> Path:
    """A command that stands in for another one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def fake_java(folder: Path, version: str) -> Path:
    return program(folder / "bin" / "java", f"echo 'openjdk version \"{version}\" 2025-04-15' >&2")


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without Java, Maven or Docker. What is put into the folder that it gives is on PATH."""
    for name in ("JAVA_HOME", "DOCKER_HOST"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "path"
    path.mkdir()
    monkeypatch.setenv("PATH", str(path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setattr(java, "_USUAL", ((tmp_path / "jvm", "*"),))
    return path


@pytest.mark.parametrize(
    ("said", "major"),
    [("17.0.15", 17), ("1.8.0_392", 8), ("21", 21), ("25.0.3", 25), ("22-ea", 22)],
)
def test_javas_version_is_read(bare: Path, tmp_path: Path, said: str, major: int) -> None:
    fake_java(tmp_path / "jvm" / "one", said)
    assert [(found.major, found.version) for found in java.find_javas()] == [(major, said)]


def test_javas_are_found_in_order_and_once(bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("11.0.2", "17.0.1", "25.0.3"):
        fake_java(tmp_path / "jvm" / version, version)
    program(tmp_path / "jvm" / "broken" / "bin" / "java", "echo 'no Java here' >&2; exit 1")
    (tmp_path / "jvm" / "default").symlink_to(tmp_path / "jvm" / "17.0.1")
    (bare / "java").symlink_to(tmp_path / "jvm" / "17.0.1" / "bin" / "java")
    assert [found.major for found in java.find_javas()] == [17, 25, 11]
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jvm" / "25.0.3"))
    assert [found.major for found in java.find_javas()] == [25, 17, 11]


def test_the_first_java_that_fits_decides_on_the_release(bare: Path, tmp_path: Path) -> None:
    program(bare / "mvn", "exit 1")
    fake_java(tmp_path / "jvm" / "new", "25.0.3")
    fake_java(tmp_path / "jvm" / "old", "17.0.1")
    (bare / "java").symlink_to(tmp_path / "jvm" / "old" / "bin" / "java")

    def chosen(release: str | None = None, of_data: str | None = None) -> tuple[str, int]:
        way = choose_way(ServerSettings(release=release), of_data)
        assert isinstance(way, JavaWay)
        return way.release.name, way.java.major

    assert chosen() == ("5.26", 17)
    assert chosen(of_data="2026") == chosen("2026") == ("2026", 25)
    (bare / "java").unlink()
    assert chosen() == ("2026", 25)
    assert chosen(of_data="5.26") == ("5.26", 17)
    with pytest.raises(ServerError, match=r"was made by Neo4j 5\.26.*reset"):
        chosen("2026", of_data="5.26")


def test_what_is_missing_is_named(bare: Path, tmp_path: Path) -> None:
    sentence = missing() or ""
    for part in (
        "docker is not on PATH",
        "Java 17 or newer is missing",
        "mvn is not on PATH",
        "apt install",
        "brew install",
        "NEO4J_URI",
    ):
        assert part in sentence
    fake_java(tmp_path / "jvm" / "eight", "1.8.0_392")
    assert "Java 17 or newer is missing (found: Java 1.8.0_392" in (missing() or "")
    fake_java(tmp_path / "jvm" / "old", "17.0.1")
    assert "Java 17.0.1" in (missing() or "")
    assert "is there. Maven: the command mvn is not on PATH" in (missing() or "")
    assert "Java 21 or newer is missing" in (missing(ServerSettings(release="2026")) or "")
    with pytest.raises(ServerError, match="mvn is not on PATH"):
        start(ServerSettings(home=tmp_path / "home"))
    jar_folder(LTS).mkdir(parents=True)
    assert missing() is None, "downloaded before: Maven is not needed any more"


def test_a_docker_client_without_an_engine_is_passed_over(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(bare / "docker", "echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    assert "no engine answers" in (missing() or "")
    with pytest.raises(ServerError, match=r"no engine answers it\. Without Docker: --with java"):
        choose_way(ServerSettings(way="docker"), None)
    fake_java(tmp_path / "jvm" / "old", "17.0.1")
    program(bare / "mvn", "exit 0")
    assert isinstance(choose_way(ServerSettings(), None), JavaWay)
    program(bare / "docker", "echo 28.2.2")
    assert choose_way(ServerSettings(), None) == DockerWay(LTS)
    assert choose_way(ServerSettings(release="2026"), None) == DockerWay(CALENDAR)
    assert isinstance(choose_way(ServerSettings(way="java"), None), JavaWay)
    monkeypatch.setenv("DOCKER_HOST", "ssh://elsewhere")
    assert isinstance(choose_way(ServerSettings(), None), JavaWay)


def test_the_containers_command_line(bare: Path, tmp_path: Path) -> None:
    """As recorded: Docker's own client stands in for one that writes down what it is given."""
    record = tmp_path / "record"
    program(bare / "docker", f'printf "%s\\n" "$@" > {record}; echo "$NEO4J_AUTH" > {record}.auth')
    home = Home(tmp_path / "home")
    home.make()
    settings = ServerSettings(home=home.folder, bolt_port=17687, http_port=17474)
    served = DockerWay(LTS).launch(settings, home)
    name = container_name(home)
    assert served == Served("docker", "5.26.30", name, 17687, 17474, "1g", "512m")
    given = record.read_text(encoding="utf-8").splitlines()
    assert given == run_arguments(LTS, settings, home)
    assert given == [
        *("run", "--detach", "--name", name),
        *("--user", f"{os.getuid()}:{os.getgid()}"),
        "--publish=127.0.0.1:17687:7687",
        "--publish=127.0.0.1:17474:7474",
        f"--volume={home.folder}/data:/data",
        f"--volume={home.folder}/logs:/logs",
        f"--volume={home.folder}/plugins:/plugins",
        f"--volume={home.folder}/import:/import",
        "--env=NEO4J_AUTH",
        "--env=NEO4J_server_memory_heap_max__size=1g",
        "--env=NEO4J_server_default__advertised__address=127.0.0.1",
        "--env=NEO4J_server_bolt_advertised__address=127.0.0.1:17687",
        "--env=NEO4J_server_http_advertised__address=127.0.0.1:17474",
        "--env=NEO4J_server_https_enabled=false",
        "--env=NEO4J_server_memory_pagecache_size=512m",
        "--env=NEO4J_db_tx__log_rotation_retention__policy=keep_none",
        "--env=NEO4J_db_tx__log_rotation_size=64M",
        "--env=NEO4J_db_tx__log_preallocate=false",
        "--env=NEO4J_dbms_usage__report_enabled=false",
        "--env=NEO4J_client_allow__telemetry=false",
        "--env=NEO4J_browser_remote__content__hostname__whitelist=127.0.0.1,localhost",
        "--env=NEO4J_internal_dbms_bolt_netty__server__shutdown__quiet__period=0",
        "neo4j:5.26.30-community",
    ]
    assert (tmp_path / "record.auth").read_text(encoding="utf-8") == f"neo4j/{home.password}\n"
    assert home.password not in " ".join(given)


def test_the_importer_runs_in_a_container_of_its_own(bare: Path, tmp_path: Path) -> None:
    record = tmp_path / "record"
    program(bare / "docker", f'printf "%s\\n" "$@" > {record}')
    home = Home(tmp_path / "home")
    home.make()
    files = tmp_path / "bulk"
    DockerWay(LTS).admin(home, ("database", "import", "full", "neo4j", f"@{files}/import.args"), files, "512m")
    assert record.read_text(encoding="utf-8").splitlines() == [
        *("run", "--rm"),
        *("--user", f"{os.getuid()}:{os.getgid()}"),
        f"--volume={home.folder}/data:/data",
        f"--volume={home.folder}/logs:/logs",
        f"--volume={home.folder}/plugins:/plugins",
        f"--volume={home.folder}/import:/import",
        f"--volume={files}:{files}",
        "--env=HEAP_SIZE=512m",
        "neo4j:5.26.30-community",
        *("neo4j-admin", "database", "import", "full", "neo4j", f"@{files}/import.args"),
    ]
    program(bare / "docker", "echo 'Unrecognized option' >&2; exit 1")
    with pytest.raises(ServerError, match="docker run failed: Unrecognized option"):
        DockerWay(LTS).admin(home, ("database", "import"), files, "512m")


def test_what_maven_says_is_passed_on(bare: Path, tmp_path: Path) -> None:
    command = fake_java(tmp_path / "jvm" / "old", "17.0.1")
    found = java.Java(command, 17, "17.0.1")
    said = ("Downloaded from central: https://h/a.jar (1.5 MB at 2 MB/s)", "[ERROR] no route. -> [Help 1]")
    program(bare / "mvn", "\n".join(f"echo '{line}'" for line in said) + "\nexit 1")
    steps: list[tuple[str, int, int, str]] = []
    told: list[str] = []
    with pytest.raises(ServerError, match=r"could not fetch Neo4j 5\.26\.30: no route\. Is Maven Central reachable"):
        fetch_jars(LTS, found, told.append, lambda *step: steps.append(step))
    assert steps[0] == ("Neo4j 5.26.30", 1, LTS.jars, "jars, 2 MB")
    assert f"{LTS.megabytes} MB" in told[0]
    assert str(tmp_path / "cache") in told[0]
    assert not jar_folder(LTS).exists()
    assert not list(jar_folder(LTS).parent.glob(".*.partial"))


def test_the_pom_pins_every_version() -> None:
    text = pom_text(CALENDAR)
    assert text.count(f"<version>{CALENDAR.version}</version>") == 3
    assert "<artifactId>neo4j-browser</artifactId><version>5.24.0</version>" in text


def test_the_configuration_keeps_to_this_machine() -> None:
    lines = configuration_text(ServerSettings(bolt_port=1234, http_port=1235)).splitlines()
    settings = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    assert settings["server.default_listen_address"] == "127.0.0.1"
    assert settings["server.bolt.listen_address"] == "127.0.0.1:1234"
    assert settings["server.http.listen_address"] == "127.0.0.1:1235"
    assert settings["dbms.usage_report.enabled"] == "false"
    assert settings["dbms.security.procedures.unrestricted"] == ""
    assert settings["browser.remote_content_hostname_whitelist"] == "127.0.0.1,localhost"
    assert "-Xmx1g" in java_options(ServerSettings(), 17)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"bolt_port": 0}, "--bolt-port takes a number from 1 to 65535, found 0"),
        ({"http_port": 7687}, "two different numbers"),
        ({"heap": "lots"}, "--heap takes a number with k, m or g"),
        ({"page_cache": "0m"}, "--page-cache takes"),
        ({"release": "4.4"}, "--release takes 5.26 or 2026, found '4.4'"),
        ({"way": "podman"}, "--with takes auto or docker or java"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        ServerSettings(**wrong)  # type: ignore[arg-type]


def test_a_port_that_is_taken_is_named(bare: Path, tmp_path: Path) -> None:
    fake_java(tmp_path / "jvm" / "old", "17.0.1")
    program(bare / "mvn", "exit 1")
    bolt, http = free_ports(2)
    with socket.socket() as other:
        other.bind(("127.0.0.1", http))
        other.listen()
        with pytest.raises(ServerError, match=rf"port {http} \(http\) is taken by another program.*--http-port"):
            start(ServerSettings(home=tmp_path / "home", bolt_port=bolt, http_port=http))
    assert status(tmp_path / "home").running is False


def test_somebody_elses_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "letter.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(ServerError, match="was not made by `graphfeed neo4j`"):
        Home(tmp_path).make()
    with pytest.raises(ServerError, match="was not made by `graphfeed neo4j`: nothing was deleted"):
        Home(tmp_path).delete_data()
    with pytest.raises(ServerError, match="no server was ever started"):
        reset(tmp_path)
    assert (tmp_path / "data" / "letter.txt").read_text(encoding="utf-8") == "dear"


def test_a_link_in_place_of_the_data_is_not_followed(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.make()
    home.data.rmdir()
    (tmp_path / "elsewhere").mkdir()
    home.data.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ServerError, match="is a link"):
        reset(home.folder)
    assert (tmp_path / "elsewhere").is_dir()


def test_the_password_is_its_owners_alone_and_stays(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        home = Home(tmp_path / "home")
        home.make()
    finally:
        os.umask(before)
    assert stat.S_IMODE(home.password_file.stat().st_mode) == 0o600
    password = home.password
    home.make()
    home.delete_data()
    assert home.password == password
    assert Home(tmp_path / "other").exists is False


def test_another_process_with_the_servers_number_is_not_the_server(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.make()
    home.remember("5.26", Served("java", "5.26.30", str(os.getpid()), 7687, 7474))
    assert status(home.folder).running is False
    assert is_running(Served("java", "5.26.30", "4194305", 7687, 7474), home) is False


def test_the_last_words_leave_out_what_says_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.make()
    (home.logs / "console.out").write_text(
        "WARNING: incubator\n\nwrong setting\n\tat org.A.b(A.java)\n", encoding="utf-8"
    )
    (home.logs / "neo4j.log").write_text("12:00 INFO  Starting\n12:01 ERROR disk full\n", encoding="utf-8")
    assert last_words(home) == ["wrong setting", "12:01 ERROR disk full"]


def test_the_usual_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert default_home() == Path.home() / ".local" / "share" / "graphfeed" / "neo4j"
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere")
    assert default_home() == Path("/somewhere/graphfeed/neo4j")


def test_without_a_server_tests_are_skipped_or_fail_where_one_is_required(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests import neo4j_fixture

    monkeypatch.delenv("GRAPHFEED_NEO4J_RELEASE", raising=False)
    monkeypatch.setenv("GRAPHFEED_NEO4J_REQUIRED", "0")
    with pytest.raises(pytest.skip.Exception, match="NEO4J_URI is not set, and there is nothing here"):
        neo4j_fixture._release()
    monkeypatch.setenv("GRAPHFEED_NEO4J_REQUIRED", "1")
    with pytest.raises(pytest.fail.Exception, match="mvn is not on PATH"):
        neo4j_fixture._release()
