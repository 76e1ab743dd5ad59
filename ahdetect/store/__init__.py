"""Session folders on disk: writer, reader, repair.

>>> from ahdetect.store.writer import SessionWriter
>>> from ahdetect.store.reader import open_session
>>> from ahdetect.store.repair import repair
"""
