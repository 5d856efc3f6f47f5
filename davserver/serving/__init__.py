"""Serves any WSGI application over HTTP/1.1 and TLS, strictly framed, in one or several processes. Knows no WebDAV."""

from davserver.serving.engine import ServingProblem, ServingSettings
from davserver.serving.limits import Limits
from davserver.serving.requests import IncompleteBody
from davserver.serving.tally import Board, NoBoard, Sums, Tally
from davserver.serving.tls import TLSFiles
from davserver.serving.workers import serve

__all__ = [
    "Board",
    "IncompleteBody",
    "Limits",
    "NoBoard",
    "ServingProblem",
    "ServingSettings",
    "Sums",
    "TLSFiles",
    "Tally",
    "serve",
]
