"""A server on this machine that publishes files, and cuts, moves and lies as a test arranges."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["Server", "serving"]


class Server:
    """What is published, how the server behaves, and what it was asked for.

    Attributes:
        files: Content by path.
        ranges: Whether it knows of ranges.
        cut: After so many bytes of an answer it hangs up; once for each number.
        length: Whether it says how long its answer is.
        moved: Other addresses, by path.
        asked: The ranges that were asked for, in order; None for the whole.
    """

    def __init__(self, port):
        self.files, self.ranges, self.cut, self.length, self.moved, self.asked = {}, True, [], True, {}, []
        self.address = f"http://127.0.0.1:{port}"

    def publish(self, name, content):
        """Offer a file, and give its address."""
        self.files[f"/{name}"] = content
        return f"{self.address}/{name}"


class Answer(BaseHTTPRequestHandler):
    """Answers as the test has arranged."""

    def do_GET(self):
        """Answer."""
        told, asked = self.server.told, self.headers.get("Range")
        told.asked.append(asked)
        if self.path in told.moved:
            self.send_response(302)
            self.send_header("Location", told.moved[self.path])
            self.end_headers()
            return
        content = told.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and told.ranges else 0
        if start and start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if told.length:
            self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start : start + told.cut.pop(0)] if told.cut else content[start:])

    def log_message(self, format, *args):  # noqa: A002 - the library's name
        """Say nothing."""


@contextmanager
def serving():
    """Serve from another thread."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as listening:
        listening.told = Server(listening.server_address[1])
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield listening.told
        listening.shutdown()
        thread.join()
