"""Screens of the desktop app, one file each."""
