"""One file from the network: whole and checked, or a part of it that the next try goes on with.

In: an address, where to put it, what is known of it. Out: the file. Python's own urllib does it:
what a library adds (pools, sessions, cookies) is not needed for one file, and what is needed, going
on where it stopped, is two headers either way. Knows no archive and no music.
"""

import errno
import hashlib
import http.client
import ipaddress
import json
import shutil
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from email.message import Message
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from musegen.errors import CorpusError, OutputError

BLOCK = 1 << 16
ATTEMPTS = 5
TIMEOUT_S = 30.0
LONGEST_WAIT_S = 30.0
MOST_BYTES = 4 << 30
"""What is fetched at most where nobody said how large the file is."""

AGENT = "musegen"
GIVEN_UP = {
    401: "it asks for a password",
    403: "the server does not give it away",
    404: "there is no such file any more",
    410: "there is no such file any more",
}
"""Answers after which trying again is of no use, in words."""

Progress = Callable[[int, int | None], None]
Headers: TypeAlias = "Message[str, str]"


@dataclass(frozen=True)
class Remote:
    """A file on the network, and what is known of it beforehand. Checksums in hexadecimal."""

    address: str
    size: int | None = None
    sha256: str | None = None
    md5: str | None = None

    @property
    def checksum(self) -> tuple[str, str] | None:
        """The strongest checksum that is known, as the name of its kind and its value."""
        if self.sha256:
            return "sha256", self.sha256
        return ("md5", self.md5) if self.md5 else None


@dataclass(frozen=True)
class Patience:
    """How long a server is waited for, and how often it is asked again."""

    timeout_s: float = TIMEOUT_S
    attempts: int = ATTEMPTS
    pause_s: float = 1.0
    most_bytes: int = MOST_BYTES


class Stopped(CorpusError):
    """A download was stopped by Ctrl-C; its part is kept."""

    exit_code = 130


class _TryAgain(Exception):
    """What may be better the next time, in words, and how long the server asks us to wait."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


@dataclass(frozen=True)
class _Begun:
    """What is known of a file that was fetched in part: where from, and which state of it."""

    address: str
    validator: str | None = None
    total: int | None = None


def fetch(
    remote: Remote, to: Path, progress: Progress | None = None, patience: Patience | None = None
) -> None:
    """The remote file is at `to`, whole and with its checksum.

    A part that is there from before is gone on with, if the server still has the same file; else
    it is begun anew. When it fails or is stopped, the part stays. Raises CorpusError, with what to
    do, and Stopped on Ctrl-C.
    """
    check_address(remote.address)
    patience = patience or Patience()
    part = _Part(to)
    try:
        _fetch_or_explain(remote, part, progress or (lambda done, total: None), patience)
        _check(remote, part)
    except KeyboardInterrupt:
        raise Stopped(f"stopped: {part.described()} is kept, the same command goes on") from None
    except OSError as error:
        full = error.errno == errno.ENOSPC
        reason = "the disk is full" if full else error.strerror or str(error)
        raise OutputError(f"{to}: cannot be written ({reason})") from error
    part.done()


def check_address(address: str) -> None:
    """Refuses, with a CorpusError, what is not https; this machine itself may be asked by http."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        raise CorpusError(f"{address!r} is not an address") from None
    if not host or parts.scheme not in ("http", "https"):
        raise CorpusError(f"{address}: only addresses that begin with https:// are fetched")
    if parts.scheme == "http" and not _is_here(host):
        raise CorpusError(
            f"{address}: not fetched over http, where anyone on the way can change it"
        )


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Part:
    """The file as far as it has come, with a note beside it that says of what it is a part."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.note = path.with_name(path.name + ".json")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    def begun(self, address: str) -> _Begun:
        """What is known of the part; of what belongs to another address, nothing."""
        try:
            known = _Begun(**json.loads(self.note.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return _Begun(address)
        return known if known.address == address else _Begun(address)

    def remember(self, begun: _Begun) -> None:
        self.note.write_text(json.dumps(asdict(begun)), encoding="utf-8")

    def begin_anew(self) -> None:
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def done(self) -> None:
        self.note.unlink(missing_ok=True)

    def described(self) -> str:
        return f"{self.path} ({self.size / 1e6:,.1f} MB)"


def _fetch_or_explain(remote: Remote, part: _Part, progress: Progress, patience: Patience) -> None:
    """Tries until the file is whole. Only tries in a row that bring nothing are counted."""
    failed = 0
    while True:
        before = part.size
        try:
            _attempt(remote, part, progress, patience)
            return
        except _TryAgain as error:
            failed = 1 if part.size > before else failed + 1
            if failed >= patience.attempts:
                kept = (
                    f"; {part.described()} is kept, the same command goes on" if part.size else ""
                )
                raise CorpusError(
                    f"{remote.address}: {error}, {patience.attempts} times in a row; is the "
                    f"network there? Try again later{kept}"
                ) from None
            time.sleep(min(LONGEST_WAIT_S, max(error.wait_s, patience.pause_s * 2 ** (failed - 1))))


def _attempt(remote: Remote, part: _Part, progress: Progress, patience: Patience) -> None:
    begun, have = part.begun(remote.address), part.size
    if have and not (begun.validator or remote.checksum):
        have = 0  # nothing would tell if the file had changed in between
    headers = {"User-Agent": AGENT, "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if begun.validator:
            headers["If-Range"] = begun.validator
    try:
        request = urllib.request.Request(remote.address, headers=headers)
        with _opener().open(request, timeout=patience.timeout_s) as answer:
            known = begun.validator if have else None
            if answer.status == 206 and known and _validator(answer.headers) not in (known, None):
                part.begin_anew()
                raise _TryAgain("the file has changed on the server")
            _receive(answer, remote, part, have, progress, patience)
    except urllib.error.HTTPError as error:
        with error:
            _refused(error, remote, part, have)
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            reason = error.reason.verify_message
            raise CorpusError(
                f"{remote.address}: the server cannot show who it is ({reason})"
            ) from None
        raise _TryAgain(f"the server cannot be reached ({_words(error.reason)})") from None
    except TimeoutError:
        raise _TryAgain(f"nothing came for {patience.timeout_s:g} seconds") from None
    except (http.client.HTTPException, ConnectionError, ssl.SSLError) as error:
        raise _TryAgain(f"the connection broke ({_words(error)})") from None


def _words(error: object) -> str:
    strerror = getattr(error, "strerror", None)
    return str(strerror or error or type(error).__name__)


def _refused(error: urllib.error.HTTPError, remote: Remote, part: _Part, have: int) -> None:
    """What an answer that is no file means: over, again, or that the part is whole already."""
    if error.code == 416 and have:
        if have == _total(error.headers):
            return
        part.begin_anew()
        raise _TryAgain("the file has changed on the server")
    if error.code >= 500 or error.code in (408, 425, 429):
        after = error.headers.get("Retry-After", "")
        wait_s = float(after) if after.isdigit() else 0.0
        raise _TryAgain(f"the server answers {error.code} {error.reason}", wait_s)
    reason = GIVEN_UP.get(error.code, str(error.reason))
    raise CorpusError(f"{remote.address}: {reason} (the server answers {error.code})")


def _receive(
    answer: Any, remote: Remote, part: _Part, have: int, progress: Progress, patience: Patience
) -> None:
    """The answer's bytes are added to the part, or begin it anew where they are not its rest."""
    headers = answer.headers
    if headers.get("Content-Encoding", "identity") != "identity":
        raise CorpusError(f"{remote.address}: the server packs the file once more; not understood")
    start = have if answer.status == 206 and _range_start(headers) == have else 0
    if answer.status == 206 and not start:
        part.begin_anew()
        raise _TryAgain("the server sent another part than was asked for")
    length = headers.get("Content-Length", "")
    total = start + int(length) if length.isdigit() else None
    _check_size(remote, total, start, part, patience)
    part.remember(_Begun(remote.address, _validator(headers), total))
    with open(part.path, "ab" if start else "wb") as file:
        done = start
        progress(done, total or remote.size)
        while block := answer.read1(BLOCK):  # as it comes: what is here is not lost by a timeout
            done += len(block)
            most = remote.size or patience.most_bytes
            if done > most:
                raise CorpusError(f"{remote.address}: longer than the {most:,} bytes expected")
            file.write(block)
            progress(done, total or remote.size)
    if total is not None and done < total:
        raise _TryAgain(f"the server stopped after {done:,} of {total:,} bytes")
    if total is None and remote.size is not None and done < remote.size:
        raise _TryAgain(f"the server stopped after {done:,} of {remote.size:,} bytes")


def _check_size(
    remote: Remote, total: int | None, start: int, part: _Part, patience: Patience
) -> None:
    """Before a byte is written: the size is the one expected, and there is room for it."""
    if total is None:
        return
    if remote.size is not None and total != remote.size:
        raise CorpusError(
            f"{remote.address}: the file has {total:,} bytes, {remote.size:,} were expected; it "
            "has changed since the catalogue was written"
        )
    if total > patience.most_bytes:
        raise CorpusError(
            f"{remote.address}: {total:,} bytes are more than the {patience.most_bytes:,} that are "
            "fetched at most"
        )
    free = shutil.disk_usage(part.path.parent).free
    if total - start > free:
        raise OutputError(f"{part.path.parent}: {total - start:,} bytes are needed, {free:,} free")


def _validator(headers: Headers) -> str | None:
    """What tells whether the server's file is still the same; a weak tag does not."""
    tag = headers.get("ETag")
    if tag and not tag.startswith("W/"):
        return tag
    return None if tag else headers.get("Last-Modified")


def _range_start(headers: Headers) -> int | None:
    unit, _, span = headers.get("Content-Range", "").partition(" ")
    first = span.partition("-")[0]
    return int(first) if unit == "bytes" and first.isdigit() else None


def _total(headers: Headers) -> int | None:
    size = headers.get("Content-Range", "").rpartition("/")[2]
    return int(size) if size.isdigit() else None


def _check(remote: Remote, part: _Part) -> None:
    """The file is as long as expected and has its checksum; one that does not is thrown away."""
    check_file(remote, part.path, on_failure=part.begin_anew)


def check_file(remote: Remote, file: Path, on_failure: Callable[[], None] = lambda: None) -> None:
    """Raises CorpusError where the file is not the one that is known by size and checksum."""
    if remote.size is not None and file.stat().st_size != remote.size:
        wrong = f"it has {file.stat().st_size:,} bytes, {remote.size:,} were expected"
    elif remote.checksum is None:
        return
    else:
        kind, expected = remote.checksum
        with open(file, "rb") as stream:
            found = hashlib.file_digest(stream, kind).hexdigest()
        if found == expected.lower():
            return
        wrong = f"its {kind} is {found}, {expected} was expected"
    on_failure()
    raise CorpusError(f"{file.name}: not the file that the catalogue knows: {wrong}")


class _OnlySafe(urllib.request.HTTPRedirectHandler):
    """Follows a server to another address only where that one may be asked, too."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, url: str
    ) -> Any:
        check_address(url)
        hosts = [urlsplit(address).hostname or "" for address in (url, req.full_url)]
        if _is_here(hosts[0]) and not _is_here(hosts[1]):
            raise CorpusError(f"{req.full_url}: it points back to this machine ({url})")
        return super().redirect_request(req, fp, code, msg, headers, url)


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_OnlySafe)
