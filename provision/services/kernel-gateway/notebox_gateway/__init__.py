"""The kernel gateway's personality for one API notebook of a workbench. KG_API names this package; the gateway itself
stays as it is. The parts: personality (what the gateway asks for), service (which reading of the notebook is served),
notebook (file to routes), pool and kernel, handlers, access and answer (one request), openapi."""

from .personality import create_personality

__all__ = ["create_personality"]
