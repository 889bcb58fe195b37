"""HTTP over the engine: `create_api(engine)` and the protocol that an engine keeps."""

from insure.api.app import create_api
from insure.api.face import EngineFace

__all__ = ["EngineFace", "create_api"]
