"""Exports of a timeline, one file for each format."""
