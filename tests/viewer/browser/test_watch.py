"""The command: where it listens, that two go side by side, how it ends, and what it refuses in one line."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from evo_hns.cli import main
from evo_hns.cli.errors import USER_ERROR
from evo_hns.config import ConfigError
from evo_hns.viewer import browser
from evo_hns.viewer.browser.studio_web import FIRST_PORT, NUM_PORTS, listen
from evo_hns.viewer.browser.watch import Place

PATIENCE = 60.0  # seconds


def start(run: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "evo_hns", "watch", str(run), "--no-open", *words]
    environ = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ)


@pytest.fixture
def two(run_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Two at once, of which the second speaks JSON."""
    processes = [start(run_path), start(run_path, "--json")]
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def listening(port: int) -> list[str]:
    """Addresses on which somebody listens at a port, as the kernel writes them."""
    rows = [row.split() for name in ("tcp", "tcp6") for row in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    return [row[1].partition(":")[0] for row in rows if row[3] == "0A" and int(row[1].partition(":")[2], 16) == port]


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel of Linux who listens")
def test_two_listen_side_by_side_on_loopback_alone_and_end_cleanly(two: list[subprocess.Popen[str]]) -> None:
    first, second = two
    assert first.stdout is not None
    assert second.stdout is not None
    steer, look = (first.stdout.readline().split()[-1] for _ in range(2))
    assert first.stdout.readline().endswith("Ctrl-C ends it.\n")
    told = json.loads(second.stdout.readline())
    assert told["only_this_machine"]
    assert len({urlsplit(steer).port, told["port"]}) == 2
    urls = (steer, look, told["url"], told["spectator_url"])
    assert len({urlsplit(url).query for url in urls}) == 4
    for url in urls:
        assert listening(urlsplit(url).port or 0) == ["0100007F"]  # 127.0.0.1
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            assert b"<canvas" in answer.read()
    for keyless in (f"http://127.0.0.1:{told['port']}/", steer.replace(str(urlsplit(steer).port), str(told["port"]))):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(keyless, timeout=PATIENCE)
    for process, farewell in ((first, "\nNo longer watching.\n"), (second, "")):
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=PATIENCE) == (farewell, "")
        assert process.returncode == 0


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--match", "99"], r"no match 99 in .*; it has matches 0 to"),
        (["--match", "0", "--hiders", "random"], "--match says who plays; leave --hiders and --seekers out"),
        (["--port", "65536"], "--port: got 65536, expected 0 to 65535"),
        (["--seed", "-1"], "got the world seed -1, expected 0 to 4294967295"),
        (["--hiders", "hiders/99"], "has no champion of generation 99 among its hiders"),
        (["--hiders", "seekers/last"], "expected one of the hiders"),
        (["--host", "203.0.113.7"], r"cannot listen on 203\.0\.113\.7, port \d+: "),
        (["--host", "no.such.host.invalid"], r"cannot listen on no\.such\.host\.invalid"),
    ],
)
def test_what_cannot_be_watched_is_refused_in_one_line(
    words: list[str], complaint: str, run_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["watch", str(run_path), "--no-open", *words]) == USER_ERROR
    told = capsys.readouterr()
    assert told.out == ""
    assert re.fullmatch(rf"evo-hns: .*{complaint}.*\n", told.err)


def test_without_the_web_viewer_it_says_what_to_install(
    run_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "evo_hns.viewer.browser.studio_web", None)
    monkeypatch.delattr(browser, "studio_web", raising=False)
    assert main(["watch", str(run_path)]) == USER_ERROR
    told = capsys.readouterr().err
    assert told.startswith("evo-hns: watching needs the web viewer of MuJoCo Studio, which is not here")
    assert told.count("\n") == 1


def test_a_port_that_is_taken_is_refused_or_passed_over() -> None:
    with listen("127.0.0.1", 0) as first, listen("127.0.0.1", 0) as second:
        ports = [listener.getsockname()[1] for listener in (first, second)]
        assert FIRST_PORT <= ports[0] < ports[1] < FIRST_PORT + NUM_PORTS
        with pytest.raises(ConfigError, match=f"port {ports[0]} is taken on 127.0.0.1; choose another with --port"):
            listen("127.0.0.1", ports[0])


def test_it_says_what_listening_elsewhere_means() -> None:
    assert Place("127.0.0.1", 8080, "s", "l").url == "http://127.0.0.1:8080/?key=s"
    assert Place("::1", 8080, "s", "l").spectator_url == "http://[::1]:8080/?key=l"
    assert all(Place(host, 1, "s", "l").is_local for host in ("127.0.0.1", "::1", "localhost"))
    everywhere = Place("0.0.0.0", 8081, "s", "l")
    assert not everywhere.is_local
    assert everywhere.url == "http://localhost:8081/?key=s"
    assert "Without https, anyone who can read the network's traffic can read the key" in str(everywhere)
