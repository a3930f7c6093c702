"""An application with a container of its own that takes iacs in as one part."""
