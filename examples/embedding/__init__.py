"""An application with its own container that embeds iacs as one part."""
