"""A picture of a container's graph, as data: its named providers and their dependencies."""

from iacs.runtime.picture.data import PictureEdge, PictureNode, Setting
from iacs.runtime.picture.painting import Picture, picture_of

__all__ = ["Picture", "PictureEdge", "PictureNode", "Setting", "picture_of"]
