"""Capture floor: devices and files in, time-stamped packets out."""
