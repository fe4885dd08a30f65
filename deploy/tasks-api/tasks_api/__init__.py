"""A task service: its rules are here, its heavy JSON work is offloaded to transform-service."""

from .app import create_app
from .settings import Settings

__all__ = ["Settings", "create_app"]
