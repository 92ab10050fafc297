"""One HTTP/1.1 connection: takes requests from its reader, runs their handlers one after another, and sends the responses.

The HTTP server creates one per client. Whenever the client has to act, a deadline is set; the server's sweep calls `check`
to enforce it.
"""

import asyncio
import contextlib
import select
from collections.abc import AsyncGenerator
from functools import partial

from google.rpc import code_pb2

from server.calls.admission import Holding
from server.calls.http_calls import HttpResponse
from server.calls.statuses import Status
from server.doors.http.deadlines import Deadlines
from server.doors.http.messages import ErrorWriter
from server.doors.http.owner import Owner
from server.doors.http.places import Place
from server.doors.http.request_reader import BUSY, SMALL_BODY, Phase, QueuedRequest, RequestReader
from server.doors.http.responses import failure_status, head_of
from server.process.telemetry import log

PIECE_SIZE = 256 * 1024
"""Larger responses are handed to the transport in pieces of this size, as the client reads them: it copies what it cannot send."""

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Connection(asyncio.Protocol):
    """The connection of one client."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._deadlines = Deadlines(owner.limits, owner.deadline)
        self._transport: asyncio.Transport
        self._reader: RequestReader
        self._refused: ErrorWriter
        self._call: asyncio.Task[None] | None = None
        self._entry: QueuedRequest | None = None  # the request that the call answers
        self._unsent_bytes = 0
        self._drained = asyncio.Event()
        self._drained.set()
        self._admitting: asyncio.Task[None] | None = None  # waits for room for the body that is being read
        self._is_streaming = False  # the head of a response has been sent, but not all of its body
        self._is_closing = False

    # Called by asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept the connection, or answer 503 and close it if too many are open."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        address = transport.get_extra_info("peername")
        host, peer = (address[0], f"{address[0]}:{address[1]}") if isinstance(address, tuple) else ("", "")
        owner = self._owner
        place = owner.places.take(self, host)
        paths = owner.probe_paths if place is Place.PROBE else None
        self._refused = partial(owner.refuse, peer)
        self._reader = RequestReader(owner.limits, peer, owner.streams, self._refused, probe_paths=paths)
        if place in (Place.REGULAR, Place.PROBE):
            owner.opened(self)
            self._deadlines.expect_first_request()
        else:
            is_peer = place is Place.NONE_FOR_PEER
            self._refuse_busy("too many connections from this address are open" if is_peer else BUSY.message)

    def connection_lost(self, error: Exception | None) -> None:
        """Cancel the running call: its response can no longer be sent."""
        self._owner.closed(self)
        self._is_closing = True
        self._cancel_call()
        if self._admitting:
            self._admitting.cancel()
        self._reader.close()  # frees the requests: a cancelled call keeps this connection alive until it ends

    def data_received(self, data: bytes) -> None:
        """Parse received bytes, and start the next call if a request is ready."""
        if self._is_closing:
            return
        reader = self._reader
        state = (reader.phase, reader.request_count)
        reader.feed(data)
        if reader.holding is not None:
            reader.holding.progressed()
        if (reader.phase, reader.request_count) != state or reader.stream is not None:
            self._owner.places.busy(self)
            # A streamed body may take long: its deadline is for the next piece, not for the whole body.
            self._deadlines.expect_bytes_of(reader.phase)
        if reader.refusal is not None:
            self._cancel_streaming_call()
        self._admit_body()
        self._advance()

    def pause_writing(self) -> None:
        """Start no further call until the client has read most of what was sent."""
        self._unsent_bytes = self._transport.get_write_buffer_size()
        self._drained.clear()
        self._deadlines.expect_progress()

    def resume_writing(self) -> None:
        """Start the next call, now that the client has read most of what was sent."""
        self._deadlines.write = None
        self._drained.set()
        self._note_idle()
        self._advance()

    # Called by the server.

    def check(self, now: float) -> None:
        """Enforce the deadlines that have passed."""
        deadlines = self._deadlines
        if deadlines.write is not None and now >= deadlines.write:
            unsent_bytes = self._transport.get_write_buffer_size()
            if unsent_bytes >= self._unsent_bytes:
                self._transport.abort()
                return
            self._unsent_bytes = unsent_bytes
            deadlines.expect_progress()
        if deadlines.call is not None and now >= deadlines.call:
            self._answer_504()
        if deadlines.read is not None and now >= deadlines.read:
            self._end_reading()

    def close_when_idle(self) -> None:
        """Close at the next sweep, unless a request has begun by then: one may have arrived without having been read yet."""
        is_idle = not self._call and not self._reader.requests and not self._is_closing
        if is_idle and self._reader.phase in (Phase.BETWEEN, Phase.HEAD):
            self._deadlines.read = self._owner.deadline(0.0)

    def close_if_idle(self) -> bool:
        """Close unless a request has arrived, be it unread; return whether it is closed."""
        if not self._is_idle() or self._transport.is_closing():
            return False
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket"), select.POLLIN)
        if poll.poll(0):
            return False
        self._close_after_flush()
        return True

    def end_unless_answering(self) -> bool:
        """Refuse what may still arrive, and close, unless a request is being answered; return whether it is closed."""
        if self._call or self._reader.requests:
            return False
        if self._is_closing:
            self._transport.close()  # the client was given time to finish sending
        else:
            self._refuse_busy(BUSY.message)
        return True

    def reset(self) -> None:
        """Close immediately; data that has not been sent is lost."""
        self._transport.abort()

    # Calls and responses.

    def _advance(self) -> None:
        """Start the next call, or end the connection after the last one."""
        reader = self._reader
        if not self._call and self._deadlines.write is None and not self._is_closing:
            if reader.requests:
                self._deadlines.expect_response()
                self._entry = reader.requests.popleft()
                if self._entry.request.stream is not None:
                    self._entry.request.stream.on_read = self._continue_body
                self._call = asyncio.get_running_loop().create_task(self._answer(self._entry))
            elif reader.phase is Phase.ENDED:
                self._send_refusal()
                return
        if self._admitting or reader.requests or (reader.stream is not None and reader.stream.is_full):
            # Reading further ahead would only use memory. A client cannot be late while the server does not read.
            self._transport.pause_reading()
            self._deadlines.read = None
        elif not self._is_closing and not self._transport.is_reading():
            self._transport.resume_reading()
            if reader.phase in (Phase.HEAD, Phase.BODY):
                self._deadlines.expect_bytes_of(reader.phase)

    def _admit_body(self) -> None:
        """Hold the bytes of a large body before it is read; if there is no room for them, read on when there is."""
        reader, size = self._reader, self._reader.body_bytes()
        if size > SMALL_BODY and reader.holding is None and not self._admitting:
            holding = self._owner.admission.holding()
            if holding.take(size):
                self._hold_body(holding)
            else:
                self._admitting = asyncio.get_running_loop().create_task(self._wait_for_room(holding, size))
        if not self._admitting and not reader.refusal and reader.takes_continue() and not self._call:
            self._transport.write(_CONTINUE)

    async def _wait_for_room(self, holding: Holding, size: int) -> None:
        try:
            async with asyncio.timeout(self._owner.limits.answer_seconds):
                await holding.reserve(size)
            self._hold_body(holding)
        except TimeoutError:
            self._refuse_for_memory("other requests left no memory for this one in time; try again later")
        self._admitting = None
        self._admit_body()
        self._advance()

    def _hold_body(self, holding: Holding) -> None:
        self._reader.holding = holding
        holding.await_client(self._give_up_body)

    def _give_up_body(self) -> None:
        """Refuse a body whose client has stalled: others need the memory."""
        self._refuse_for_memory("the body did not go on arriving, and other requests needed the memory")
        self._advance()

    def _refuse_for_memory(self, message: str) -> None:
        self._reader.refuse(503, code_pb2.UNAVAILABLE, "MEMORY_EXHAUSTED", message, ("retry-after", "1"))

    async def _answer(self, entry: QueuedRequest) -> None:
        holding = entry.holding or self._owner.admission.holding()
        holding.hold(len(entry.request.body))
        try:
            await self._respond(entry, holding)
        finally:
            holding.leave()

    async def _respond(self, entry: QueuedRequest, holding: Holding) -> None:
        try:
            response = await self._owner.handler(entry.request)
        except Exception as error:  # noqa: BLE001 - every request must be answered, whatever its handler raises
            status = failure_status(error, "rest")
            response = self._owner.write_error(entry.request.path, status, status.http_status)
        if self._is_closing:
            return
        reader = self._reader
        is_last = reader.phase is Phase.ENDED and not reader.requests and reader.refusal is None
        is_body_left = entry.request.stream is not None and not entry.request.stream.is_complete
        closes = not entry.keeps_alive or is_last or is_body_left or self._owner.is_stopping
        body = response.body
        if isinstance(body, bytes) and len(body) <= PIECE_SIZE:
            self._send(response, verb=entry.request.verb, closes=closes)
        elif isinstance(body, bytes):
            holding.hold(len(entry.request.body) + len(body))
            holding.await_client(self.reset)
            if not await self._stream(response, _pieces_of(body, holding), entry, closes=closes, length=len(body)):
                return
        elif not await self._stream(response, body, entry, closes=closes):
            return
        self._call = self._entry = self._deadlines.call = None
        if is_body_left:
            reader.end()
            self._send_refusal()
            return
        if closes:
            self._close_after_flush()
            return
        if reader.phase is Phase.BETWEEN and not reader.requests:
            self._deadlines.expect_next_request()
            self._note_idle()
        self._advance()

    def _is_idle(self) -> bool:
        reader = self._reader
        is_between = reader.phase is Phase.BETWEEN and reader.request_count > 0 and not reader.requests
        return is_between and not self._call and self._deadlines.write is None and not self._is_closing

    def _note_idle(self) -> None:
        if self._is_idle():
            self._owner.places.idle(self)

    def _answer_504(self) -> None:
        """Answer 504 without waiting for the handler: it is cancelled, but a database driver may be slow to react."""
        was_streaming = self._is_streaming
        path = self._entry.request.path if self._entry else ""
        self._cancel_call()
        if was_streaming:
            self._transport.abort()  # the client must not mistake a partial body for a complete one
            return
        status = Status(code_pb2.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", "the call's deadline passed")
        self._send(self._owner.write_error(path, status, 504), verb="", closes=True)
        self._close_after_flush()

    def _cancel_call(self) -> None:
        if self._call:
            self._call.cancel()
            self._owner.keep_cancelled(self._call)
        self._call = self._entry = self._deadlines.call = None

    async def _stream(
        self,
        response: HttpResponse,
        pieces: AsyncGenerator[bytes, None],
        entry: QueuedRequest,
        *,
        closes: bool,
        length: int | None = None,
    ) -> bool:
        """Send a response in pieces, each after the client has read most of the previous ones; return False if it failed.

        The handler has as much time for each piece as for a whole response. Without a length, the body is chunked if the client
        understands that, else it ends with the connection.
        """
        is_chunked = length is None and entry.takes_chunks
        async with contextlib.aclosing(pieces):
            self._send(response, verb=entry.request.verb, closes=closes, is_chunked=is_chunked, length=length)
            if entry.request.verb == "HEAD":
                return True
            self._is_streaming = True
            try:
                async for piece in pieces:
                    if piece:  # an empty chunk would end the body
                        self._transport.write(b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
                    await self._drained.wait()
                    self._deadlines.expect_response()
            except Exception as error:  # noqa: BLE001 - the HTTP status has been sent: the error can only be logged
                log.error("http", where="stream", exc_info=error)
                self._transport.abort()
                return False
            self._is_streaming = False
        if is_chunked:
            self._transport.write(b"0\r\n\r\n")
        return True

    def _send(
        self, response: HttpResponse, *, verb: str, closes: bool, is_chunked: bool = False, length: int | None = None
    ) -> None:
        """Send a response, or only its head if its body is sent in pieces."""
        body = response.body if isinstance(response.body, bytes) and length is None else None
        length = len(body) if body is not None else length
        head = head_of(response, date=self._owner.date(), closes=closes, is_chunked=is_chunked, length=length)
        self._transport.write(head if verb == "HEAD" or body is None else head + body)

    # Ending a connection.

    def _refuse_busy(self, message: str) -> None:
        response = self._refused("", Status(BUSY.code, BUSY.reason, message), 503)
        response.headers += (("retry-after", "1"),)
        self._send(response, verb="", closes=True)
        self._close_after_flush()

    def _end_reading(self) -> None:
        """End a connection whose client is late: with a 408 if it has begun a request, otherwise without a response."""
        if self._is_closing:
            self._transport.abort()
        elif self._reader.phase in (Phase.HEAD, Phase.BODY):
            message = "the request took too long to arrive"
            self._reader.refuse(408, code_pb2.DEADLINE_EXCEEDED, "REQUEST_TIMEOUT", message)
            self._deadlines.read = None
            self._cancel_streaming_call()
            self._advance()
        else:
            self._close_after_flush()

    def _continue_body(self) -> None:
        """Extend the handler's deadline after it has read a piece of its body, and continue to read from the client."""
        if self._call:
            self._deadlines.expect_response()
            self._advance()

    def _cancel_streaming_call(self) -> None:
        """Cancel a call whose body was refused before it was complete; the refusal is sent unless a response has begun."""
        stream = self._entry.request.stream if self._entry else None
        if stream is None or stream.is_complete:
            return
        was_streaming = self._is_streaming
        self._cancel_call()
        if was_streaming:
            self._transport.abort()

    def _send_refusal(self) -> None:
        """Send the refusal, if there is one, and let the client finish sending before the connection is closed."""
        if self._reader.refusal:
            self._send(self._reader.refusal, verb="", closes=True)
        self._is_closing = True
        self._deadlines.expect_end(lingers=not self._owner.is_stopping)
        with contextlib.suppress(OSError):  # the client may have reset the connection in the meantime
            self._transport.write_eof()
        self._transport.resume_reading()

    def _close_after_flush(self) -> None:
        """Close once the client has read everything that was sent, or has stopped reading."""
        self._is_closing, self._deadlines.read = True, None
        self._reader.drop_requests()
        self.pause_writing()  # starts the deadline for a client that does not read
        self._transport.close()


async def _pieces_of(body: bytes, holding: Holding) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(body), PIECE_SIZE):
        yield body[start : start + PIECE_SIZE]
        holding.progressed()
