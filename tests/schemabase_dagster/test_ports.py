"""Without these, a stack does not start because somebody else's connection has its port."""

import socket

from schemabase_dagster.ports import LOOPBACK, choose_port, free_port


def test_free_ports_are_none_that_the_system_gives_away():
    given = set()
    with socket.create_server((LOOPBACK, 0)) as server:
        for _ in range(20):
            with socket.create_connection(server.getsockname()) as client:
                given.add(client.getsockname()[1])

    assert max(free_port() for _ in range(20)) < min(given)


def test_a_port_that_is_taken_is_not_chosen():
    with socket.create_server((LOOPBACK, free_port())) as taken:
        port = taken.getsockname()[1]

        assert choose_port(port) != port
    assert choose_port(port) == port
