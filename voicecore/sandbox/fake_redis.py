"""Program: the TCP server of `fakeredis` in a process of its own; arguments: host and port."""

from __future__ import annotations

import sys

from fakeredis import TcpFakeServer


def main() -> None:
    """Serve until killed."""
    host, port = sys.argv[1], int(sys.argv[2])
    TcpFakeServer.allow_reuse_address = True
    TcpFakeServer.daemon_threads = True
    # The default of five lets the kernel drop connections that a pool opens at once.
    TcpFakeServer.request_queue_size = 128
    with TcpFakeServer((host, port), server_type="redis") as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
