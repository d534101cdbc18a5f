"""MuJoCo Studio's web viewer, listening at a given address; and the loop that runs the game beside it.

The viewer as it comes listens on all interfaces of the machine, lets everybody steer and takes files that are dropped
on its page. Here it listens on one address, loopback unless the user says otherwise, asks for a key (`studio_guard`),
and drops nothing but what it is given.
"""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

from mujoco.studio import endpoints, launch_thread, messages, viewer_protocol
from mujoco.studio.web import web_server
from mujoco.studio.web_viewer import WebViewer

from evo_hns.config import ConfigError
from evo_hns.viewer.browser.director import Director
from evo_hns.viewer.browser.studio_guard import Keys, guarded
from evo_hns.viewer.browser.studio_plugin import Screen
from evo_hns.viewer.browser.studio_simulation import GameSimulation

FIRST_PORT, NUM_PORTS = 8080, 100  #: where a free port is looked for

_PATIENCE = 30.0  # seconds


class _Viewer(WebViewer):  # type: ignore[misc]
    """The web viewer on a socket that listens already, for who has a key."""

    def __init__(
        self, title: str, listener: socket.socket, keys: Keys, endpoint: endpoints.ViewerEndpoint, screen: Screen
    ) -> None:
        silently = contextlib.redirect_stdout(io.StringIO())  # its banner speaks of all interfaces
        with _given(listener, keys, title), silently:
            super().__init__(viewer_protocol.ViewerConfig(title=title), endpoint, plugins=[screen])
        self._web_server.drop_queue = None

    @messages.handler(priority=messages.Priority.INTERNAL)  # type: ignore[untyped-decorator]
    def _on_post_model(self, event: messages.PostModelEvent) -> None:
        """Serve a new model, and print nothing about it."""
        del event
        self._update_model()


@contextlib.contextmanager
def _given(listener: socket.socket, keys: Keys, title: str) -> Iterator[None]:
    """Let the viewer take this socket and this guard instead of its own; it has no settings for them.

    Raises:
        ConfigError: it did not take the guard.
    """
    own_socket, own_serve, is_guarded = web_server.bind_public_socket, web_server.serve, threading.Event()

    def serve_guarded(*handler: Any, **settings: Any) -> Any:
        is_guarded.set()
        return guarded(own_serve, keys, title)(*handler, **settings)

    web_server.bind_public_socket = lambda host, port: listener
    web_server.serve = serve_guarded
    try:
        yield
        if not is_guarded.wait(_PATIENCE):  # its thread begins to serve
            raise ConfigError("MuJoCo Studio's web server did not start; install mujoco-studio of mujoco's version")
    finally:
        web_server.bind_public_socket, web_server.serve = own_socket, own_serve


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Args:
        host: the address to listen on.
        port: the one that is wanted; 0 for the first that is free from `FIRST_PORT` on.

    Raises:
        ConfigError: it is taken, or there is no such address here.
    """
    for candidate in [port] if port else range(FIRST_PORT, FIRST_PORT + NUM_PORTS):
        listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, candidate))
            listener.listen()
            return listener
        except OSError as error:
            listener.close()
            if error.errno != errno.EADDRINUSE:
                raise ConfigError(f"cannot listen on {host}, port {candidate}: {error.strerror or error}") from None
    taken = f"port {port} is" if port else f"ports {FIRST_PORT} to {FIRST_PORT + NUM_PORTS - 1} are all"
    raise ConfigError(f"{taken} taken on {host}; choose another with --port, or 0 for the first that is free")


def serve(
    director: Director,
    screen: Screen,
    listener: socket.socket,
    keys: Keys,
    *,
    ready: Callable[[], None] = lambda: None,
    enough: Callable[[], bool] = lambda: False,
) -> None:
    """Show the director's episodes until the user interrupts.

    Args:
        director: has an episode.
        screen: shows them.
        listener: where browsers connect; it is closed in the end.
        keys: what their addresses must carry.
        ready: is called once somebody can connect.
        enough: is asked all the time whether to end.

    Raises:
        KeyboardInterrupt: the user has had enough; everything is closed.
    """
    opened = threading.Event()

    def run_viewer(endpoint: endpoints.ViewerEndpoint) -> None:
        try:
            viewer = _Viewer(f"{director.run} - evo_hns", listener, keys, endpoint, screen)
        finally:
            opened.set()
        viewer_protocol.run_viewer_loop(viewer)

    logging.getLogger("WebServer").setLevel(logging.WARNING)  # connections are not logged
    with launch_thread.launch_thread(run_viewer, sim_plugins=[GameSimulation(director)]) as handle:
        opened.wait()
        if handle.is_running():
            ready()
        while handle.is_running() and not enough():
            handle.sync()
