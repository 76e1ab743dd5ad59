"""Outlets: what leaves, what never leaves, and that a bad one costs the session nothing."""

from __future__ import annotations

import http.server
import io
import json
import socket
import ssl
import stat
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agreed import OPTIONS
from media import grey, tone, write_clip
from timelines import make_row, make_rows

from ahdetect.capture.clock import Clock, ManualClock, ReplayClock, SessionClock
from ahdetect.capture.edges import Overflow, Policy
from ahdetect.capture.ledger import Ledger
from ahdetect.cli import main as cli
from ahdetect.config import Settings, validated
from ahdetect.engine import Models
from ahdetect.errors import AhdetectError, ConfigError
from ahdetect.events import Event
from ahdetect.models.cues import CUES, INDEX, Channel
from ahdetect.models.language import LanguageModel
from ahdetect.models.voice import VoiceModel
from ahdetect.models.words import Word, WordUpdate
from ahdetect.outlets import Callback, Item, Kind, Outlets
from ahdetect.outlets.hub import EVENTS_OUT, FAILURES, ROWS_OUT, OutletStage
from ahdetect.outlets.jsonl import JsonLines
from ahdetect.outlets.specs import outlet_of, outlets_of, table_of
from ahdetect.outlets.webhook import ID, SIGNATURE, Webhook, signature, verify
from ahdetect.rules import Rule
from ahdetect.session import Session
from ahdetect.timeline import Row

SECRET = "made-up-secret-of-a-test"


class Fake:
    """A session that the test hands rows and events to."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock: Any = clock or ManualClock()
        self.ledger = Ledger()
        self.settings = Settings()
        self.added: list[Event] = []
        self.calls: dict[str, list[Callable[..., object]]] = {"row": [], "words": [], "event": [], "stop": []}

    def on_row(self, callback: Callable[[Row], None]) -> None:
        self.calls["row"].append(callback)

    def on_words(self, callback: Callable[[WordUpdate], None]) -> None:
        self.calls["words"].append(callback)

    def on_event(self, callback: Callable[[Event], None]) -> None:
        self.calls["event"].append(callback)

    def on_stop(self, callback: Callable[[], object]) -> None:
        self.calls["stop"].append(callback)

    def add_event(self, event: Event) -> None:
        self.added.append(event)
        self.tell("event", event)

    def tell(self, what: str, *args: object) -> None:
        for callback in self.calls[what]:
            callback(*args)


def rule(**kwargs: object) -> Rule:
    return Rule.model_validate({"name": "r", "coverage": 0.0, **kwargs})


def item(n: int = 0, *, kind: Kind = Kind.EVENTS) -> Item:
    return Item(kind, n, n, Event(n, "paused", {}))


def kinds(lines: list[dict[str, Any]]) -> list[str]:
    return [line["kind"] for line in lines]


SAID = Word("perhaps", 0, 10, 0.9, True, 0)


def play(session: Fake, rows: int = 360) -> None:
    """A segment in the middle, one prompt, one marker, one word, one crash."""
    session.tell("event", Event(0, "prompt", {"kind_of_prompt": "hesitant", "text": "And smoking?"}))
    for row in make_rows(rows):
        session.tell("row", row)
    session.tell("event", Event(5, "marker", {"note": "looks away"}))
    session.tell("event", Event(6, "stage_crashed", {"stage": "face", "error": "OSError: /home/somebody/x"}))
    session.tell("words", WordUpdate((SAID,), (), 10, 10))


# -- what leaves


def test_a_segment_is_one_onset_and_one_offset_in_lines_of_json() -> None:
    session, out = Fake(), io.StringIO()
    with Outlets(session, [JsonLines(stream=out)], [rule()]):
        play(session)
    rows = list(make_rows(360))
    first = next(r for r in rows if r.p >= 0.5)
    last = next(r for r in rows if r.id > first.id and r.p < 0.35)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(line["moment"], line["row"]) for line in lines] == [("onset", first.id), ("offset", last.id)]
    assert lines[0]["t_s"] == pytest.approx(first.t_s)
    assert lines[0]["prompt"] == "hesitant"
    assert kinds(lines) == ["trigger", "trigger"]


def test_no_words_leave_unless_they_are_asked_for() -> None:
    session, public, private = Fake(), io.StringIO(), io.StringIO()
    everything = ["triggers", "rows", "events"]
    outlets = [JsonLines(stream=public, include=everything), JsonLines(stream=private, include=[*everything, "words"])]
    with Outlets(session, outlets, [rule()]):
        play(session, 30)
    for secret in ("perhaps", "And smoking?", "looks away"):
        assert secret not in public.getvalue()
        assert secret in private.getvalue()
    for out in (public, private):
        assert "somebody" not in out.getvalue()  # nor the text of an error


def test_what_a_plug_in_measured_is_json_also_where_it_is_no_number() -> None:
    event = Event(0, "plugin_cues", {"plugin": "lamp", "cues": {"a": float("nan"), "b": 1.0}, "path": "/home"})
    said = Item(Kind.EVENTS, 0, 0, event).to_json()
    assert said == {
        "kind": "event", "t_s": 0.0, "delay_s": 0.0, "event": "plugin_cues", "plugin": "lamp",
        "cues": {"a": None, "b": 1.0},
    }  # fmt: skip


def test_an_outlet_gets_what_it_asked_for_and_nothing_else() -> None:
    session, got = Fake(), {"rows": [], "first": [], "triggers": []}
    with Outlets(
        session,
        [
            Callback(got["rows"].append, include=["rows"]),
            Callback(got["first"].append, include=["rows"], rows="provisional"),
            Callback(got["triggers"].append),
        ],
    ) as outlets:
        for i in range(5):
            session.tell("row", make_row(i, settled=False))
        for i in range(7):
            session.tell("row", make_row(i))
    assert [(i.content.id, i.content.settled) for i in got["rows"]] == [(i, True) for i in range(7)]
    assert [(i.content.id, i.content.settled) for i in got["first"]] == [(i, i > 4) for i in range(7)]
    assert got["triggers"] == []
    assert list(outlets.report()) == ["callback", "callback 2", "callback 3"]


def test_without_outlets_and_rules_nothing_is_asked_of_the_session() -> None:
    session = Fake()
    with Outlets(session, []):
        assert not any(session.calls.values())


def test_triggers_are_events_of_the_session_and_go_out_once_as_what_they_are() -> None:
    session, alone, out = Fake(), Fake(), io.StringIO()
    with Outlets(session, [JsonLines(stream=out, include=["triggers", "events"])], [rule(prompts=["hesitant"])]):
        play(session)
    with Outlets(alone, [], [rule(prompts=["hesitant"])]) as nowhere:
        play(alone)
    sent = [line for line in map(json.loads, out.getvalue().splitlines()) if line["kind"] == "trigger"]
    assert [e.kind for e in session.added] == ["trigger", "trigger"]
    assert [(e.t_ns, e.detail["moment"]) for e in session.added] == [
        (round(line["t_s"] * 1e9), line["moment"]) for line in sent
    ]
    assert session.added[0].detail["rule"] == "r"
    assert session.added[0].detail["kind_of_prompt"] == "hesitant"
    assert [cue["phrase"] for cue in session.added[0].detail["cues"]] == ["a 'but'", "a pause"]
    assert alone.added == session.added
    assert nowhere.rules.said == 2


def test_a_file_is_new_and_its_owner_s_alone(tmp_path: Path) -> None:
    session, path = Fake(), tmp_path / "events.jsonl"
    with Outlets(session, [JsonLines(path, include=["rows"])]):
        session.tell("row", make_row(0))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["id"] == 0
    warned: list[str] = []
    with Outlets(Fake(), [JsonLines(path)], warn=warned.append):
        pass
    assert "name a new file" in warned[0]
    assert len(path.read_text().splitlines()) == 1


# -- a slow or dead outlet


def stage(outlet: Callback, clock: Clock) -> OutletStage:
    return OutletStage(outlet, clock, Ledger())


def test_a_slow_outlet_loses_the_oldest_rows_and_every_loss_is_in_the_ledger() -> None:
    clock, ledger, got = ManualClock(), Ledger(), []
    slow = OutletStage(Callback(got.append, include=["rows", "events"]), clock, ledger)
    depth = ROWS_OUT.depth
    assert depth is not None
    one = make_row(0)
    for i in range(depth + 36):
        slow.offer(Item(Kind.ROWS, i, i, replace(one, id=i)))
    slow.offer(item())
    slow.end()
    while not slow.rows.exhausted or not slow.events.exhausted:
        slow.step()
    assert [i.content.id for i in got if i.kind is Kind.ROWS] == list(range(36, depth + 36))
    assert got[0].kind is Kind.EVENTS  # rows never push events out, and events go first
    assert len(ledger.rows("drop", "rows->outlet callback")) == 36
    assert slow.rows.counts().balances
    assert slow.counts()["dropped"] == 36


def test_a_replay_waits_for_an_outlet_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ahdetect.outlets.hub.WAITED_FOR", Policy("small", Overflow.BLOCK, depth=3))
    session, got = Fake(ReplayClock()), []
    with Outlets(session, [Callback(got.append, include=["rows"])]) as outlets:
        for row in make_rows(50):
            session.tell("row", row)
    assert [i.content.id for i in got] == list(range(50))
    assert outlets.report()["callback"]["dropped"] == 0


def test_an_outlet_that_fails_again_and_again_is_switched_off_and_said_so() -> None:
    def broken(item: Item) -> None:
        raise OSError("no such device")

    ledger, warned = Ledger(), []
    bad = OutletStage(Callback(broken, include=["events"]), ManualClock(), ledger, warned.append)
    for i in range(FAILURES + 3):
        bad.offer(item(i))
    while bad.off is None:
        bad.step()
    bad.finish()
    bad.offer(item(99))
    counts = bad.counts()
    assert (counts["sent"], counts["failed"], counts["left"], counts["not_offered"]) == (0, FAILURES, 3, 1)
    assert "no such device" in counts["off"]
    assert [r.kind for r in ledger.rows()] == ["sink_off"]
    assert len(warned) == 1


def test_failures_with_successes_between_them_do_not_switch_off() -> None:
    n = iter(range(1000))

    def sometimes(item: Item) -> None:
        if next(n) % FAILURES:
            raise OSError

    flaky = stage(Callback(sometimes, include=["events"]), ManualClock())
    for i in range(5 * FAILURES):
        flaky.offer(item(i))
        flaky.step()
    assert flaky.off is None
    assert (flaky.sent, flaky.failed) == (5, 5 * FAILURES - 5)


def test_an_outlet_that_hangs_keeps_nobody_waiting() -> None:
    release, began = threading.Event(), threading.Event()

    class Hanging(Callback):
        def stop(self) -> None:
            release.set()

    def hang(item: Item) -> None:
        began.set()
        release.wait(30)

    session = Fake(SessionClock())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ahdetect.outlets.hub.GRACE_S", 0.2)
        outlets = Outlets(session, [Hanging(hang, include=["events"])])
        with outlets:
            session.tell("event", Event(0, "paused", {}))
            assert began.wait(5)
            before = time.perf_counter()
            for i in range(2 * EVENTS_OUT.depth):  # type: ignore[operator]
                session.tell("event", Event(i, "paused", {}))
            assert time.perf_counter() - before < 1.0
    counts = outlets.report()["callback"]
    assert counts["sent"] + counts["failed"] + counts["dropped"] + counts["left"] == 2 * EVENTS_OUT.depth + 1
    assert counts["dropped"] == EVENTS_OUT.depth
    [note] = session.ledger.rows("note")
    assert note.where == "outlet callback"


def test_rules_that_crash_are_in_the_ledger_and_rows_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    session, got = Fake(), []
    with Outlets(session, [Callback(got.append, include=["rows"])], [rule()]) as outlets:
        monkeypatch.setattr(outlets.rules.triggers, "step", lambda _: 1 / 0)
        for i in range(5):
            session.tell("row", make_row(i))
    assert len(got) == 5
    [crash] = session.ledger.rows("stage_crashed")
    assert crash.where == "rules"
    assert "ZeroDivisionError" in crash.detail["error"]


# -- webhook


class Receiver:
    """An HTTP receiver on loopback that does with each request what its script says, and then its last line."""

    def __init__(self, *script: str) -> None:
        receiver = self
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.release = threading.Event()
        self._script = list(script)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((dict(self.headers), body))
                does = receiver._script.pop(0) if len(receiver._script) > 1 else receiver._script[0]
                if does == "hang":
                    receiver.release.wait(30)
                    return
                if does == "vanish":
                    self.connection.close()
                    return
                self.send_response(int(does.split()[0]))
                if does.startswith("302"):
                    self.send_header("Location", does.split()[1])
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args: object) -> None:
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), name="receiver")
        self._thread.start()

    def close(self) -> None:
        self.release.set()
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Callable[..., Receiver]]:
    made: list[Receiver] = []

    def make(*script: str) -> Receiver:
        made.append(Receiver(*script))
        return made[-1]

    yield make
    for one in made:
        one.close()


def hook(url: str, **kwargs: Any) -> Webhook:
    return Webhook(url, secret=SECRET, **{"jitter": lambda: 0.0, "timeout_s": 2.0, **kwargs})


def test_a_request_is_signed_and_a_receiver_can_tell(receiver: Callable[..., Receiver]) -> None:
    there = receiver("204")
    hook(there.url, wall=lambda: 1_800_000_000.4).send(item())
    [(headers, body)] = there.got
    assert json.loads(body) == {"kind": "event", "t_s": 0.0, "delay_s": 0.0, "event": "paused"}
    assert verify(SECRET, headers, body, now=1_800_000_010)
    assert not verify(SECRET, headers, body, now=1_800_000_301)  # too old
    assert not verify(SECRET, headers, body + b" ", now=1_800_000_010)
    assert not verify("another-secret-altogether", headers, body, now=1_800_000_010)
    assert not verify(SECRET, {}, body)
    assert not verify(SECRET, {SIGNATURE: "t=x,v1=é"}, body)


def test_the_signature_is_what_openssl_makes_of_it() -> None:
    said = signature(b"0123456789abcdef", b'{"kind":"event"}', 1_700_000_000)
    assert said == "t=1700000000,v1=cb6a01fe17e1ada40075ed3586352a67d07e68c8a94a3de0573ca4e51f6da1ba"


def test_what_fails_is_tried_again_under_the_same_id(receiver: Callable[..., Receiver]) -> None:
    there = receiver("500", "429", "vanish", "200")
    hook(there.url).send(item())
    assert len(there.got) == 4
    assert len({headers[ID] for headers, _ in there.got}) == 1


def test_waits_double_up_to_a_limit_and_are_jittered() -> None:
    sure = hook("http://127.0.0.1:1/", jitter=lambda: 1.0)
    assert [sure._wait_s(n) for n in range(1, 7)] == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert hook("http://127.0.0.1:1/", jitter=lambda: 0.25)._wait_s(1) == 0.25


@pytest.mark.parametrize(("answer", "times"), [("400", 1), ("404", 1), ("500", 4), ("302 http://127.0.0.1:1/", 1)])
def test_what_is_not_taken_is_an_error(receiver: Callable[..., Receiver], answer: str, times: int) -> None:
    there = receiver(answer)
    with pytest.raises(AhdetectError, match="did not take an event") as caught:
        hook(there.url).send(item())
    assert len(there.got) == times
    assert "/hook" not in str(caught.value)


def test_a_redirect_is_not_followed(receiver: Callable[..., Receiver]) -> None:
    elsewhere = receiver("200")
    there = receiver(f"307 {elsewhere.url}")
    with pytest.raises(AhdetectError):
        hook(there.url).send(item())
    assert elsewhere.got == []


def test_a_receiver_that_hangs_is_given_up_at_the_end(receiver: Callable[..., Receiver]) -> None:
    there = receiver("hang")
    slow = hook(there.url, timeout_s=30.0)
    failed: list[BaseException] = []

    def send() -> None:
        try:
            slow.send(item())
        except AhdetectError as error:
            failed.append(error)

    thread = threading.Thread(target=send)
    thread.start()
    while not there.got:
        thread.join(0.01)
    slow.stop()
    thread.join(5)
    assert len(failed) == 1


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path, receiver: Callable[..., Receiver]) -> None:
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.OID_COMMON_NAME, "me")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    pem = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    pem += key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "cert.pem").write_bytes(pem)
    there = receiver("200")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "cert.pem")
    there.server.socket = tls.wrap_socket(there.server.socket, server_side=True)
    with pytest.raises(AhdetectError, match="CERTIFICATE_VERIFY_FAILED"):
        hook(f"https://localhost:{there.server.server_port}/", tries=1).send(item())
    assert there.got == []


@pytest.mark.parametrize(
    ("url", "hosts", "machine", "says"),
    [
        ("http://lab.example/x", ["lab.example"], "", "needs https"),
        ("https://lab.example/x", [], "", "not on the list"),
        ("https://lab.example/x", ["other.example"], "", "not on the list"),
        ("https://lab.example/x", ["lab.example"], "other.example", "not on the list"),
        ("https://lab.example.evil.test/x", ["lab.example"], "", "not on the list"),
        ("https://me:pw@lab.example/x", ["lab.example"], "", "without a name or password"),
        ("http://127.0.0.1.evil.test/x", [], "", "needs https"),
        ("ftp://lab.example/x", ["lab.example"], "", "https://HOST/PATH"),
        ("lab.example", ["lab.example"], "", "https://HOST/PATH"),
        ("https://lab.example/\u00e9", ["lab.example"], "", "https://HOST/PATH"),
        ("https://lab.example/x y", ["lab.example"], "", "https://HOST/PATH"),
    ],
)
def test_where_a_webhook_may_not_go(
    monkeypatch: pytest.MonkeyPatch, url: str, hosts: list[str], machine: str, says: str
) -> None:
    monkeypatch.setenv("AHDETECT_WEBHOOK_HOSTS", machine)
    with pytest.raises(ConfigError, match=says):
        hook(url, hosts=hosts)


@pytest.mark.parametrize(
    ("hosts", "machine"), [(["LAB.example"], ""), ([], "x.test, lab.example"), ([], "lab.example")]
)
def test_where_it_may_go(monkeypatch: pytest.MonkeyPatch, hosts: list[str], machine: str) -> None:
    monkeypatch.setenv("AHDETECT_WEBHOOK_HOSTS", machine)
    assert hook("https://lab.example/x", hosts=hosts).host == "lab.example"


def test_a_secret_is_needed_long_enough_and_never_from_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AHDETECT_WEBHOOK_SECRET", raising=False)
    monkeypatch.setattr("ahdetect.outlets.webhook.keychain", lambda: None)
    table = {"kind": "webhook", "url": "http://localhost:1/"}
    with pytest.raises(ConfigError, match="AHDETECT_WEBHOOK_SECRET"):
        outlet_of(table)
    with pytest.raises(ConfigError, match="secret is not a key"):
        outlet_of({**table, "secret": SECRET})
    monkeypatch.setenv("AHDETECT_WEBHOOK_SECRET", "short")
    with pytest.raises(ConfigError, match="16 characters"):
        outlet_of(table)
    monkeypatch.setenv("AHDETECT_WEBHOOK_SECRET", SECRET)
    assert outlet_of(table).wants == {Kind.TRIGGERS}
    with pytest.raises(ConfigError, match="not 30 rows"):
        outlet_of({**table, "include": ["rows"]})


# -- a real session beside bad receivers


def test_receivers_that_hang_fail_and_vanish_cost_no_row_and_no_sample(
    tmp_path: Path, receiver: Callable[..., Receiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ahdetect.outlets.hub.GRACE_S", 0.3)
    clip = write_clip(tmp_path / "clip.mkv", grey(75), tone(220.0, 3.0), fps=25.0)
    voice_only = validated({"channels": {"face": False, "body": False, "voice": True, "words": False}}, "test")
    there = [receiver("hang"), receiver("500"), receiver("vanish")]
    gone = receiver("200")
    gone.server.socket.close()
    good: list[Item] = []
    models = Models(None, None, VoiceModel(), None, LanguageModel())
    session = Session(str(clip), str(clip), settings=voice_only, models=models)
    rows: list[Row] = []
    session.on_row(lambda row: rows.append(row) if row.settled else None)
    hooks = [hook(r.url, include=["events", "triggers"], timeout_s=1.0) for r in (*there, gone)]
    watcher = Callback(good.append, include=["rows", "events"])
    outlets = Outlets(session, [*hooks, watcher], [rule(on=0.02, off=0.01)])
    with outlets, session:
        for _ in range(20):
            session.mark("made up")
        session.wait(10)
    books = session.report()["ledger"]
    assert books["balances"]
    assert (books["audio"]["samples"], books["audio"]["gap_samples"]) == (48_000, 0)
    assert books["video"]["frames"] == 75
    assert session.engine.dropped_samples() == 0
    assert [row.id for row in rows] == list(range(75))
    assert [i.content.id for i in good if i.kind is Kind.ROWS] == list(range(75))
    counts = outlets.report()
    assert [counts[name]["sent"] for name in ("webhook", "webhook 2", "webhook 3", "webhook 4")] == [0, 0, 0, 0]
    assert counts["callback"]["dropped"] == 0
    assert counts["webhook 2"]["off"] is not None
    for name in ("webhook", "webhook 2", "webhook 3", "webhook 4"):
        one = counts[name]
        lost = one["failed"] + one["dropped"] + one["left"] + one["not_offered"]
        assert lost == 20 + 2  # every marker, an onset and an offset
        assert session.ledger.rows("note", f"outlet {name}")[0].detail == one


# -- LSL and OSC


def test_lsl_samples_are_on_lsl_s_clock_within_5_ms() -> None:
    pylsl = pytest.importorskip("pylsl")
    from ahdetect.outlets.lsl import CHANNELS, Lsl

    session = Fake(SessionClock())
    name = f"test-{session.clock.origin_ns}"
    made: list[tuple[float, Row]] = []
    with Outlets(session, [Lsl(name, cues=True)], [rule()]):
        inlets = []
        for stream in (name, f"{name}-cues", f"{name}-markers"):
            [info] = pylsl.resolve_byprop("name", stream, 1, 10.0)
            inlets.append(pylsl.StreamInlet(info))
            inlets[-1].open_stream(10.0)
        estimates, cues, markers = inlets
        assert estimates.info(5.0).get_channel_labels() == list(CHANNELS)
        for i in range(90, 150):
            t_ns, now = session.clock.now_ns(), pylsl.local_clock()
            made.append((now, replace(make_row(i), t_ns=t_ns)))
            session.tell("row", made[-1][1])
            if i % 20 == 0:
                _, at = estimates.pull_sample(5.0)
                assert abs(at - made[(i - 90) // 20][0]) < 0.005
        got = [estimates.pull_sample(5.0) for _ in range(60 - 3)]
        told, told_at = markers.pull_sample(5.0)
        values, _ = cues.pull_sample(5.0)
    worst = max(abs(at - now) for (_, at), (now, _) in zip(got, made[3:], strict=True))
    assert worst < 0.005
    assert got[0][0][0] == pytest.approx(made[3][1].p, abs=1e-6)
    onset = next((now, row) for now, row in made if row.p >= 0.5)
    assert told == ["r:onset"]
    assert abs(told_at - onset[0]) < 0.005
    assert len(values) == sum(len(v) for v in made[0][1].cues.values() if v is not None)


def test_the_offset_between_clocks_is_measured_again_and_by_the_quickest_look() -> None:
    pytest.importorskip("pylsl")
    from ahdetect.outlets.lsl import LOOKS, MEASURE_EVERY_NS, ClockOffset

    clock, drift, looks = ManualClock(), [5.0], [0]

    def local_clock() -> float:
        looks[0] += 1
        if looks[0] % LOOKS != 3:
            clock.advance(0.004)  # interrupted, but for one look in eight
        return clock.now_ns() / 1e9 + drift[0]

    offset = ClockOffset(clock, local_clock)
    assert offset.lsl_s(0) == pytest.approx(5.0, abs=1e-9)
    drift[0] = 5.5
    assert offset.lsl_s(0) == pytest.approx(5.0, abs=1e-9)
    clock.advance(MEASURE_EVERY_NS / 1e9)
    assert offset.lsl_s(0) == pytest.approx(5.5, abs=1e-9)


def test_osc_messages_arrive() -> None:
    pytest.importorskip("pythonosc")
    from pythonosc.osc_message import OscMessage

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there:
        there.bind(("127.0.0.1", 0))
        there.settimeout(5)
        session = Fake()
        outlet = outlet_of(table_of(f"osc:127.0.0.1:{there.getsockname()[1]}"))
        with Outlets(session, [outlet], [rule(rows="provisional")]):
            session.tell("row", make_row(160, settled=False))
        messages = [OscMessage(there.recv(2048)) for _ in range(3)]
    assert {m.address for m in messages} == {"/ahdetect/row", "/ahdetect/trigger"}
    row = next(m for m in messages if m.address.endswith("row"))
    assert row.params == pytest.approx([5.28, make_row(160).p, make_row(160).low, make_row(160).high, 0], abs=1e-5)
    assert [m.params[1:3] for m in messages if m.address.endswith("trigger")] == [["r", "onset"], ["r", "offset"]]


# -- specs


def test_specs_and_tables_say_the_same() -> None:
    assert table_of("jsonl") == {"kind": "jsonl"}
    assert table_of("jsonl,rows,triggers,provisional:a:b.jsonl") == {
        "kind": "jsonl", "path": "a:b.jsonl", "include": ["rows", "triggers"], "rows": "provisional",
    }  # fmt: skip
    first, second = outlets_of([{"kind": "jsonl", "include": ["events"]}], ["jsonl,rows:x.jsonl"])
    assert (first.wants, second.wants) == ({Kind.EVENTS}, {Kind.ROWS})


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"kind": "pigeon"}, "no kind of outlet"),
        ({}, "no kind of outlet"),
        ({"kind": "jsonl", "file": "x"}, "file is not a key"),
        ({"kind": "jsonl", "path": 3}, "not of the type str"),
        ({"kind": "jsonl", "include": "rows"}, "not of the type list"),
        ({"kind": "jsonl", "include": ["media"]}, "`include` takes"),
        ({"kind": "webhook"}, "needs url"),
        ({"kind": "webhook", "url": "http://localhost/", "tries": True}, "not of the type int"),
        ({"kind": "osc", "address": "localhost"}, "HOST:PORT"),
    ],
)
def test_a_wrong_table_is_one_sentence(table: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        outlet_of(table)


def test_an_outlet_of_another_package_is_made_with_what_its_table_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    class Theirs(Callback):
        def __init__(self, colour: str = "grey", include: tuple[str, ...] = ("triggers",)) -> None:
            super().__init__(print, include=include, name=f"lamp {colour}")

    monkeypatch.setattr("ahdetect.plugins.load", lambda group, name: {("outlets", "lamp"): Theirs}[group, name])
    assert outlet_of({"kind": "plugin:lamp", "colour": "blue"}).name == "lamp blue"
    assert outlet_of(table_of("plugin,events:lamp")).wants == {Kind.EVENTS}
    with pytest.raises(ConfigError, match="'lamp' cannot start"):
        outlet_of({"kind": "plugin:lamp", "size": 3})


def test_a_wrong_wish_on_the_command_line_is_said() -> None:
    with pytest.raises(ConfigError, match="'media' is none of"):
        table_of("jsonl,media")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--outlet", "jsonl", "--json"], "both want stdout"),
        (["--rules", "RULES", "--store", "nothing"], "go nowhere"),
        (["--rules", "none.toml"], "No such file"),
        (["--outlet", "pigeon"], "no kind of outlet"),
    ],
)
def test_record_says_what_is_wrong_before_it_opens_a_device(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], says: str
) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('[[rule]]\nname = "r"\n')
    with pytest.raises(SystemExit) as left:
        cli(["record", *(o.replace("RULES", str(rules)) for o in options), "--out", str(tmp_path / "s")])
    assert left.value.code == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "s").exists()


@pytest.mark.models
def test_record_writes_triggers_to_stdout_and_sentences_to_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('[[rule]]\nname = "r"\non = 0.02\noff = 0.01\ncoverage = 0\n[[outlet]]\nkind = "jsonl"\n')
    clip = write_clip(tmp_path / "clip.mkv", None, tone(220.0, 1.0))
    with pytest.raises(SystemExit) as left:
        cli(
            ["record", "--video", "none", "--audio", str(clip), "--out", str(tmp_path / "s"), "--plaintext", *OPTIONS,
             "--rules", str(rules)]
        )  # fmt: skip
    said = capsys.readouterr()
    assert left.value.code == 0
    assert [json.loads(line)["moment"] for line in said.out.splitlines()] == ["onset", "offset"]
    assert "jsonl: 2 sent, 0 lost" in said.err
    assert "triggers: 2" in said.err
    stored = [json.loads(line) for line in (tmp_path / "s" / "events.jsonl").read_text().splitlines()]
    assert [(e["rule"], e["moment"]) for e in stored if e["kind"] == "trigger"] == [("r", "onset"), ("r", "offset")]
    notes = [json.loads(line) for line in (tmp_path / "s" / "ledger.jsonl").read_text().splitlines()]
    assert [n["detail"]["sent"] for n in notes if n["where"] == "outlet jsonl"] == [2]


def test_cues_go_out_in_the_order_of_the_table() -> None:
    pytest.importorskip("pylsl")
    from ahdetect.outlets.lsl import cue_values

    row = make_row(315)  # no face here
    values = dict(zip([c.name for c in CUES], cue_values(row), strict=True))
    assert np.isnan(values["face_jaw_open"])
    assert values["voice_speech"] == row.cues[Channel.VOICE][INDEX["voice_speech"]]
