"""Session folders on disk: writer, reader, repair."""
