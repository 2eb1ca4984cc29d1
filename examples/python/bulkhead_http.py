"""`urllib.request` on Bulkhead. A sandbox has no sockets, so the host sends the requests (`wit/deps/http.wit`), to the hosts
that `allowed_outbound_hosts` in `bulkhead.toml` names. Copy it; there is nothing to configure."""

import http.client
import io
import urllib.error
import urllib.request
import urllib.response

from componentize_py_types import Err
from wit_world.imports import outgoing_handler
from wit_world.imports import wasi_http_types as wasi
from wit_world.imports.streams import StreamError_Closed

# How much the host takes with one write, and how much is read at once.
WRITE, READ = 4096, 64 * 1024
# The host sets these headers, and refuses a request that has them.
OF_THE_HOST = {"connection", "host", "keep-alive", "transfer-encoding", "upgrade"}
DENIED = "the request is not allowed; the log has the line for allowed_outbound_hosts in bulkhead.toml"


class HostHandler(urllib.request.HTTPHandler):
    """Opens http: and https: with the host. A response is there as a whole before it can be read."""

    def http_open(self, request):
        try:
            return send(request)
        except Err as error:
            raise urllib.error.URLError(reason(error.value)) from None

    https_open = http_open
    https_request = urllib.request.HTTPHandler.http_request


def send(request):
    outgoing = wasi.OutgoingRequest(wasi.Fields.from_list(headers(request)))
    outgoing.set_method(wasi.Method_Other(request.get_method()))
    outgoing.set_scheme(wasi.Scheme_Https() if request.type == "https" else wasi.Scheme_Http())
    outgoing.set_authority(request.host)
    outgoing.set_path_with_query(request.selector)
    body = outgoing.body()
    future = outgoing_handler.handle(outgoing, options(request.timeout))
    write(body, request.data)
    with future.subscribe() as ready:
        ready.block()
    response = future.get().value
    if isinstance(response, Err):
        raise response
    return opened(response.value, request.full_url)


def headers(request):
    named = {**request.unredirected_hdrs, **request.headers}
    sent = {name.lower(): value.encode("latin-1") for name, value in named.items()}
    return [header for header in sent.items() if header[0] not in OF_THE_HOST]


def options(timeout):
    """`timeout` is a number of seconds, `None`, or an object of urllib's that stands for the default."""
    options = wasi.RequestOptions()
    if isinstance(timeout, (int, float)):
        nanoseconds = int(timeout * 1_000_000_000)
        options.set_connect_timeout(nanoseconds)
        options.set_first_byte_timeout(nanoseconds)
        options.set_between_bytes_timeout(nanoseconds)
    return options


def write(body, data):
    """`data` is what `urlopen` takes: nothing, bytes, a file, or an iterable of bytes."""
    pieces = [data] if isinstance(data, (bytes, bytearray)) else data or []
    with body.write() as stream:
        for piece in pieces:
            for start in range(0, len(piece), WRITE):
                stream.blocking_write_and_flush(bytes(piece[start : start + WRITE]))
    wasi.OutgoingBody.finish(body, None)


def opened(response, url):
    status = response.status()
    message = http.client.HTTPMessage()
    with response.headers() as fields:
        for name, value in fields.entries():
            message[name] = value.decode("latin-1")
    opened = urllib.response.addinfourl(io.BytesIO(read(response.consume())), message, url, status)
    opened.msg = http.client.responses.get(status, "")
    return opened


def read(body):
    pieces = []
    with body, body.stream() as stream:
        try:
            while True:
                pieces.append(stream.blocking_read(READ))
        except Err as error:
            if not isinstance(error.value, StreamError_Closed):
                raise urllib.error.URLError("the response breaks off") from None
    return b"".join(pieces)


def reason(code):
    """What an error code of `wasi:http` means: its name, and what it says."""
    if isinstance(code, wasi.ErrorCode_HttpRequestDenied):
        return DENIED
    name = type(code).__name__.removeprefix("ErrorCode_")
    return f"{name}: {code.value}" if getattr(code, "value", None) else name


urllib.request.install_opener(urllib.request.build_opener(urllib.request.ProxyHandler({}), HostHandler))
