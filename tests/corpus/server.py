"""A server on this machine that gives one file, and fails in the ways that servers fail in."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread


@dataclass
class Served:
    """What the server gives, and how. `asked` are the headers of the requests that came."""

    content: bytes
    tag: str | None = '"one"'
    ranges: bool = True
    says_length: bool = True
    status: int = 200  # other than 200: nothing but this answer
    failures: int = 0  # so many requests are answered by `status`, then all is well
    breaks_after: list[int] = field(default_factory=list)  # bytes, one item a request
    hangs_s: float = 0.0
    moved_to: str = ""
    ignores_if_range: bool = False
    asked: list[dict[str, str]] = field(default_factory=list)
    address: str = ""


@contextmanager
def serving(served: Served) -> Iterator[str]:
    """The address of a server that gives what is `served`, while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def log_message(self, *words: object) -> None:
            pass

        def do_GET(self) -> None:
            served.asked.append(dict(self.headers))
            if served.moved_to and self.path != "/here":
                self.send_response(302)
                self.send_header("Location", served.moved_to)
                self.end_headers()
                return
            if served.status != 200 and (
                not served.failures or len(served.asked) <= served.failures
            ):
                self.send_error(served.status)
                return
            first, code = 0, 200
            asked, only_if = self.headers.get("Range"), self.headers.get("If-Range")
            if (
                asked
                and served.ranges
                and (served.ignores_if_range or only_if in (None, served.tag))
            ):
                first, code = int(asked.removeprefix("bytes=").rstrip("-")), 206
            if code == 206 and first >= len(served.content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(served.content)}")
                self.end_headers()
                return
            self.send_response(code)
            if served.tag:
                self.send_header("ETag", served.tag)
            if served.says_length:
                self.send_header("Content-Length", str(len(served.content) - first))
            if code == 206:
                last = len(served.content) - 1
                self.send_header("Content-Range", f"bytes {first}-{last}/{last + 1}")
            self.end_headers()
            content = served.content[first:]
            if served.breaks_after:
                content = content[: served.breaks_after.pop(0)]
            self.wfile.write(content)
            if served.hangs_s:
                self.wfile.flush()
                hang.wait(served.hangs_s)

    hang = Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    served.address = f"http://127.0.0.1:{server.server_port}/music.zip"
    try:
        yield served.address
    finally:
        hang.set()
        server.shutdown()
        server.server_close()
        thread.join()
