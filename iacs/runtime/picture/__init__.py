"""A picture of a container's graph, as data: what people named, and what needs what."""

from iacs.runtime.picture.data import PictureEdge, PictureNode, Setting
from iacs.runtime.picture.painting import Picture, picture_of

__all__ = ["Picture", "PictureEdge", "PictureNode", "Setting", "picture_of"]
