"""Descriptor 2 is one for the process: quiet periods may overlap, and nothing that is no noise is lost."""

from __future__ import annotations

import os
import re
import threading

import pytest

from ahdetect.capture.quiet import quiet_stderr


def write(text: str) -> None:
    os.write(2, text.encode())


def test_noise_is_dropped_and_the_rest_comes_afterwards(capfd: pytest.CaptureFixture[str]):
    with quiet_stderr(re.compile(rb"I\d+")):
        write("I0001 started\nout of memory\n")
        assert capfd.readouterr().err == ""
    assert capfd.readouterr().err == "out of memory\n"


def test_everything_is_dropped_where_no_noise_is_named(capfd: pytest.CaptureFixture[str]):
    with quiet_stderr():
        write("ALSA lib: no\n")
    write("later\n")
    assert capfd.readouterr().err == "later\n"


def test_periods_of_two_threads_overlap_without_waiting(capfd: pytest.CaptureFixture[str]):
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with quiet_stderr(re.compile(b"noise")):
            inside.set()
            leave.wait(5)

    thread = threading.Thread(target=other)
    with quiet_stderr(re.compile(b"hum")):
        thread.start()
        assert inside.wait(5)
        write("hum\nnoise\n")
    write("kept until the last has left\n")
    assert capfd.readouterr().err == ""
    leave.set()
    thread.join()
    assert capfd.readouterr().err == "kept until the last has left\n"
    write("true\n")
    assert capfd.readouterr().err == "true\n"
