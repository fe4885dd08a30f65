"""OpenTelemetry where the process uses it: a client span around a call, its context sent along.

Nothing is imported for it: a process that traces has imported `opentelemetry` itself.
"""

from __future__ import annotations

import sys
from typing import Any, Optional

from ._address import Address, checked_fields
from .wire import Request

_SENT = ("traceparent", "tracestate")


class Trace:
    """A span that is open."""

    def __init__(self, api: Any, request: Request, address: Address) -> None:
        from opentelemetry import propagate

        self._api = api
        self._span = api.get_tracer("transform_client").start_span(
            f"transform {request.name}" if request.name else "transform",
            kind=api.SpanKind.CLIENT,
            attributes={
                "http.request.method": request.method,
                "server.address": address.unix_socket or address.host,
                "server.port": address.port,
                **({"transform.name": request.name} if request.name else {}),
            },
        )
        carrier: dict[str, str] = {}
        propagate.inject(carrier, context=api.set_span_in_context(self._span))
        sent = {name: value for name, value in carrier.items() if name in _SENT}
        #: Lines of the request's head.
        self.fields = "" if "traceparent:" in request.fields.lower() else checked_fields(sent)

    def end(self, status: Optional[int], error: Optional[BaseException]) -> None:
        """Closes the span with what came of the call."""
        span = self._span
        if status is not None:
            span.set_attribute("http.response.status_code", status)
        if error is not None:
            span.set_attribute("error.type", type(error).__name__)
            span.record_exception(error)
            span.set_status(self._api.StatusCode.ERROR, str(error))
        span.end()


def started(request: Request, address: Address) -> Optional[Trace]:
    """A span for this request; None where the process is not traced."""
    api: Any = sys.modules.get("opentelemetry.trace")
    if api is None:
        return None
    has_provider = not isinstance(api.get_tracer_provider(), api.ProxyTracerProvider)
    if not has_provider and not api.get_current_span().get_span_context().is_valid:
        return None
    return Trace(api, request, address)
