"""What the supervisor does about what happens: with processes that are only said to exist, and a clock that is told."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.config.load import LoadedConfiguration, load_configuration
from portcullis.serve import supervisor as supervisor_module
from portcullis.serve.announcer import Announcer
from portcullis.serve.generations import GENERATIONS_AT_A_TIME, READY_SECONDS, Generation
from portcullis.serve.link import Link, Message
from portcullis.serve.supervisor import RETIRED_SECONDS, SESSION_KEYS_SECONDS, Supervisor
from portcullis.serve.template import KILL_AFTER_DRAIN, STOP_ACCEPTING

CONFIGURATION = """\
listeners: {public: {bind: "127.0.0.1:0", max_connections: 100}}
apis: {shop: {hosts: ["*"], upstream: {targets: ["http://127.0.0.1:1"]}, versions: {v1: {spec: a.yaml}}}}
process: {workers: 2, drain: 10s}
"""
KILLED = int(signal.SIGKILL)
WRONG = [Diagnostic("shop.yaml", 3, 1, "#/paths", "wrong")]


def load(text: str = CONFIGURATION) -> LoadedConfiguration:
    return load_configuration(text, "p.yaml")


class Said(Announcer):
    """Keeps what was said, in order."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def ready(self, addresses: dict[str, str]) -> None:
        self.lines.append(f"ready {addresses}")

    def reloaded(self, generation: int) -> None:
        self.lines.append(f"reloaded {generation}")

    def failed(self, diagnostics: Sequence[Diagnostic], *, kept: bool) -> None:
        self.lines.append(f"failed {[each.message for each in diagnostics]} kept={kept}")

    def progress(self, document: str, done: int, total: int) -> None:
        self.lines.append(f"compiling {document}")

    def note(self, text: str) -> None:
        self.lines.append(text)

    def take(self) -> list[str]:
        lines, self.lines = self.lines, []
        return lines


class Sockets:
    """The listening sockets: which configuration they are kept for, and whether they still listen."""

    def __init__(self) -> None:
        self.opened: list[LoadedConfiguration] = []
        self.kept: list[tuple[object, int]] = []
        self.listening = True
        self.taken = False
        self.admin_sockets: list[object] = []

    def open(self, _configuration: object, _workers: int, loaded: LoadedConfiguration) -> None:
        if self.taken:
            raise ConfigurationError(WRONG)
        self.opened.append(loaded)

    def keep_only(self, configuration: object, workers: int) -> None:
        self.kept.append((configuration, workers))

    def stop_listening(self) -> None:
        self.listening = False

    def addresses(self, _configuration: object) -> dict[str, str]:
        return {"public": "http://127.0.0.1:8080"}

    def admin(self) -> list[object]:
        return self.admin_sockets


class Control:
    """The keeper of the control process."""

    def __init__(self) -> None:
        self.control: object | None = None
        self.start_at = 0.0
        self.kill_at: float | None = None
        self.starts = 0
        self.told: list[tuple[int, int]] = []
        self.retired = False
        self.stopped: list[float] = []
        self.failure: Sequence[Diagnostic] | None = None

    def start(self, _settings: object, _admin: object, _now: float) -> None:
        self.starts += 1
        self.control = object()

    def tell(self, generation: int, workers: int, _settings: object) -> None:
        self.told.append((generation, workers))

    def hear(self, _descriptor: int) -> bool:
        return False

    def serve_admin(self, _admin: object) -> None:
        pass

    def ended(self, _process: int, _how: str, _now: float) -> Sequence[Diagnostic] | None:
        return self.failure

    def retire(self) -> None:
        self.retired = True

    def stop(self, now: float) -> None:
        self.stopped.append(now)


class Gateway:
    """A supervisor whose templates are only lines: :meth:`template` is the other end of one's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.said = Said()
        self.text = CONFIGURATION
        self.sockets: Any = Sockets()
        self.control: Any = Control()
        self.templates: list[Link] = []
        self.made: list[Generation] = []
        self.launched: list[LoadedConfiguration] = []
        self.killed: list[tuple[int, int]] = []
        self.refuses_to_fork = False
        self.supervisor = supervisor = Supervisor(Path("/p.yaml"), self._load, self.said)
        supervisor.loop = _Loop()  # type: ignore[assignment]
        supervisor.loaded = load()
        supervisor.sockets = self.sockets
        supervisor.control = self.control
        supervisor.launcher = self  # type: ignore[assignment]
        supervisor.room = 200
        monkeypatch.setattr(os, "kill", lambda process, number: self.killed.append((process, number)))

    def _load(self) -> LoadedConfiguration:
        return load(self.text)

    def launch(self, number: int, loaded: LoadedConfiguration, workers: int, slot: int, now: float) -> Generation:
        if self.refuses_to_fork:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        ours, theirs = Link.pair()
        self.templates.append(theirs)
        self.launched.append(loaded)
        self.made.append(Generation(number, 1000 + number, ours, workers, slot, loaded, now))
        return self.made[-1]

    def act(self, now: float) -> None:
        self.supervisor._act(now)

    def says(self, now: float, *messages: Message, number: int = -1) -> None:
        """The newest template (or the one of generation ``number``) says something."""
        position = number - 1 if number > 0 else -1
        for message in messages:
            self.templates[position].send(message)
        self.supervisor._hear(self.made[position].link.fileno(), now)

    def serve(self, now: float) -> None:
        """The newest generation comes to serve."""
        self.says(now, Message("compiled"), Message("ready", worker=0), Message("ready", worker=1))

    def retire(self, now: float, number: int) -> None:
        """The workers of a generation accept no more connections."""
        self.says(now, Message("retired", worker=0), Message("retired", worker=1), number=number)
        self.act(now)

    def end(self, now: float, status: int = KILLED, number: int = -1) -> None:
        """A template process ends."""
        position = number - 1 if number > 0 else -1
        self.templates[position].close()
        self.supervisor._ended(self.made[position].process, status, now)

    def reload(self, now: float) -> None:
        self.supervisor.reload_wanted = True
        self.act(now)

    def heard(self, number: int) -> list[str]:
        return [message.word for message in self.templates[number - 1].receive()]

    @property
    def timeout(self) -> float | None:
        return self.supervisor._timeout(0.0)

    def close(self) -> None:
        for link in (*self.templates, *(each.link for each in self.made)):
            link.close()


class _Loop:
    def watch(self, descriptor: int) -> None:
        pass

    def unwatch(self, descriptor: int) -> None:
        pass


@pytest.fixture
def starting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """A gateway that has just been started."""
    gateway = Gateway(monkeypatch)
    gateway.act(0.0)
    yield gateway
    gateway.close()


@pytest.fixture
def gateway(starting: Gateway) -> Gateway:
    """A gateway that serves."""
    starting.serve(1.0)
    starting.said.take()
    return starting


# The start.


def test_control_and_the_first_generation_are_started_together(starting: Gateway) -> None:
    assert starting.control.starts == 1
    assert [generation.number for generation in starting.made] == [1]
    assert starting.supervisor._timeout(0.0) is None


def test_it_is_ready_when_all_workers_are(starting: Gateway) -> None:
    starting.says(1.0, Message("progress", "shop.yaml"), Message("compiled"), Message("ready", worker=0))
    starting.says(1.0, Message("ready", worker=0))
    assert starting.said.take() == ["compiling shop.yaml"]
    starting.says(1.0, Message("ready", worker=1))
    assert starting.said.take() == ["ready {'public': 'http://127.0.0.1:8080'}"]
    assert starting.control.told == [(1, 2)]


def test_warnings_are_counted_where_the_gateway_comes_to_serve(starting: Gateway) -> None:
    starting.says(1.0, Message("compiled", diagnostics=WRONG), Message("ready", worker=0), Message("ready", worker=1))
    assert starting.said.take()[-1] == "there are warnings (1): `portcullis check` tells them"


def test_a_configuration_that_can_not_be_compiled_ends_it_with_2(starting: Gateway) -> None:
    starting.says(1.0, Message("failed", diagnostics=WRONG))
    starting.end(1.0, 2 << 8)
    assert starting.said.take() == ["failed ['wrong'] kept=False"]
    assert (starting.supervisor.status, starting.supervisor.stop_until is not None) == (2, True)
    starting.act(1.0)
    assert starting.control.stopped


def test_a_template_that_dies_at_the_start_ends_it_with_1(starting: Gateway) -> None:
    starting.end(1.0)
    assert starting.said.take() == ["nothing was started: the template process ended (killed by SIGKILL)"]
    assert starting.supervisor.status == 1


def test_a_control_process_that_can_not_be_ends_it_with_2(starting: Gateway) -> None:
    starting.control.failure = WRONG
    starting.supervisor._ended(4242, 2 << 8, 1.0)
    assert starting.said.take() == ["failed ['wrong'] kept=False"]
    assert starting.supervisor.status == 2
    assert starting.killed == [(1001, signal.SIGKILL)]
    starting.control.control = None
    starting.end(1.1)
    starting.act(1.1)
    assert starting.control.starts == 1


def test_workers_that_do_not_come_to_serve_end_it(starting: Gateway) -> None:
    starting.says(5.0, Message("compiled"))
    assert starting.supervisor._timeout(5.0) == READY_SECONDS
    starting.act(5.0 + READY_SECONDS)
    assert starting.said.take() == ["nothing was started: its workers did not serve within 30 s"]
    assert starting.supervisor.status == 1
    assert starting.heard(1) == ["stop", "stop"]


def test_compiling_may_take_as_long_as_it_does(starting: Gateway) -> None:
    starting.act(1000.0)
    assert starting.said.take() == []


def test_workers_that_end_before_they_serve_end_it(starting: Gateway) -> None:
    starting.says(1.0, Message("compiled"), *[Message("worker_lost", "exit status 1", worker=0)] * 4)
    assert starting.supervisor.stop_until is None
    starting.says(1.0, Message("worker_lost", "exit status 1", worker=1))
    assert starting.said.take()[-1] == "nothing was started: its workers end before they serve"


def test_a_process_that_can_not_be_started_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = Gateway(monkeypatch)
    gateway.refuses_to_fork = True
    gateway.act(0.0)
    assert gateway.said.take() == [
        "nothing was started: a process could not be started: Resource temporarily unavailable"
    ]


def test_a_worker_that_is_lost_before_all_serve_is_waited_for_again(starting: Gateway) -> None:
    starting.says(1.0, Message("compiled"), Message("ready", worker=0), Message("worker_lost", "why", worker=0))
    starting.says(1.0, Message("ready", worker=1))
    assert not starting.supervisor.served
    starting.says(1.0, Message("ready", worker=0))
    assert starting.supervisor.served


# Reloads.


def test_a_reload_takes_over_when_all_its_workers_serve(gateway: Gateway) -> None:
    gateway.reload(2.0)
    assert gateway.heard(1) == []
    gateway.serve(3.0)
    assert gateway.heard(1) == ["retire"]
    gateway.retire(3.1, number=1)
    assert gateway.said.take() == ["reloaded 2"]
    assert gateway.control.told[-1] == (2, 2)
    assert gateway.supervisor.loaded is gateway.launched[1]
    gateway.end(4.0, 0, number=1)
    assert gateway.said.take() == []
    assert list(gateway.supervisor.generations) == [gateway.made[1]]


def test_a_reload_is_announced_once_nobody_is_served_by_the_old_file(gateway: Gateway) -> None:
    gateway.reload(2.0)
    gateway.serve(3.0)
    gateway.says(3.1, Message("retired", worker=1), number=1)
    gateway.act(3.1)
    assert gateway.said.take() == []
    assert gateway.supervisor._timeout(3.1) == pytest.approx(3.0 + RETIRED_SECONDS - 3.1)
    gateway.act(3.0 + RETIRED_SECONDS)  # the other may hang, or be dead
    assert gateway.said.take() == ["reloaded 2"]
    assert gateway.supervisor._timeout(5.0) is None


def test_a_reload_right_after_another_is_announced_after_it(gateway: Gateway) -> None:
    gateway.reload(2.0)
    gateway.serve(2.1)
    gateway.reload(2.2)
    gateway.serve(2.3)
    assert gateway.said.take() == ["reloaded 2"]
    gateway.retire(2.4, number=2)
    assert gateway.said.take() == ["reloaded 3"]


def test_the_keys_of_tls_sessions_are_replaced_with_a_new_generation_once_a_day(gateway: Gateway) -> None:
    gateway.text = CONFIGURATION.replace(
        "max_connections: 100", "max_connections: 100, tls: {certificate: a.pem, key: a.key}"
    )
    gateway.reload(2.0)
    gateway.serve(3.0)
    gateway.retire(3.1, number=1)
    gateway.said.take()
    gateway.text = "nonsense: true\n"  # an unfinished change to the file is nobody's business now
    assert gateway.supervisor._timeout(4.0) == 3.0 + SESSION_KEYS_SECONDS - 4.0
    gateway.act(2.9 + SESSION_KEYS_SECONDS)
    assert len(gateway.made) == 2
    gateway.act(3.0 + SESSION_KEYS_SECONDS)
    assert gateway.launched[2] is gateway.launched[1]
    gateway.serve(4.0 + SESSION_KEYS_SECONDS)
    gateway.retire(4.1 + SESSION_KEYS_SECONDS, number=2)
    assert gateway.said.take() == ["reloaded 3"]
    assert gateway.supervisor._timeout(5.0 + SESSION_KEYS_SECONDS) == SESSION_KEYS_SECONDS - 1.0


def test_new_session_keys_that_do_not_come_are_tried_again_in_an_hour(gateway: Gateway) -> None:
    gateway.text = CONFIGURATION.replace(
        "max_connections: 100", "max_connections: 100, tls: {certificate: a.pem, key: a.key}"
    )
    gateway.reload(2.0)
    gateway.serve(3.0)
    gateway.act(3.0 + SESSION_KEYS_SECONDS)
    gateway.says(4.0 + SESSION_KEYS_SECONDS, Message("failed", diagnostics=WRONG))
    gateway.end(4.0 + SESSION_KEYS_SECONDS, 2 << 8)
    gateway.act(5.0 + SESSION_KEYS_SECONDS)
    assert len(gateway.made) == 3
    gateway.act(3.0 + SESSION_KEYS_SECONDS + 3600.0)
    assert len(gateway.made) == 4


def test_warnings_are_told_after_the_announcement(gateway: Gateway) -> None:
    gateway.reload(2.0)
    gateway.says(3.0, Message("compiled", diagnostics=WRONG))
    gateway.says(3.0, Message("ready", worker=0), Message("ready", worker=1))
    gateway.retire(3.1, number=1)
    assert gateway.said.take() == ["reloaded 2", "there are warnings (1): `portcullis check` tells them"]


def test_a_reload_waits_for_the_one_before_it_and_then_takes_the_newest_file(gateway: Gateway) -> None:
    gateway.reload(2.0)
    gateway.text = CONFIGURATION.replace("10s", "11s")
    gateway.reload(2.1)
    gateway.reload(2.2)
    assert len(gateway.made) == 2
    gateway.serve(3.0)
    gateway.act(3.0)
    assert len(gateway.made) == 3
    assert gateway.launched[2].configuration.process.drain == 11.0
    assert not gateway.supervisor.reload_wanted


def test_a_file_that_can_not_be_used_changes_nothing(gateway: Gateway) -> None:
    gateway.text = "nonsense: true\n"
    gateway.reload(2.0)
    assert gateway.said.take()[0].endswith("kept=True")
    assert len(gateway.made) == 1


def test_a_bug_in_the_reading_of_a_file_changes_nothing(gateway: Gateway) -> None:
    def fail() -> LoadedConfiguration:
        raise RecursionError("too deep")

    gateway.supervisor.load = fail
    gateway.reload(2.0)
    assert gateway.said.take() == ["nothing was changed: the file could not be read: RecursionError: too deep"]


def test_an_address_that_is_taken_changes_nothing(gateway: Gateway) -> None:
    gateway.sockets.taken = True
    gateway.reload(2.0)
    assert gateway.said.take() == ["failed ['wrong'] kept=True"]


def test_the_state_stays_where_it_is(gateway: Gateway) -> None:
    gateway.text = CONFIGURATION + "state: {directory: elsewhere}\n"
    gateway.reload(2.0)
    assert gateway.said.take() == ['failed ["a reload can\'t change where the state is kept"] kept=True']


@pytest.mark.parametrize(
    ("messages", "status", "told"),
    [
        ([Message("failed", diagnostics=WRONG)], 2 << 8, "failed ['wrong'] kept=True"),
        ([], KILLED, "nothing was changed: the template process ended (killed by SIGKILL)"),
    ],
)
def test_a_template_that_does_not_come_to_serve_changes_nothing(
    gateway: Gateway, messages: list[Message], status: int, told: str
) -> None:
    gateway.text = CONFIGURATION.replace("workers: 2", "workers: 3")
    gateway.reload(2.0)
    gateway.says(2.1, *messages)
    gateway.end(2.2, status)
    assert gateway.said.take() == [told]
    assert gateway.supervisor.generations.current is gateway.made[0]
    # What was opened for it is closed again.
    assert gateway.sockets.kept[-1] == (gateway.made[0].loaded.configuration, 2)
    gateway.reload(3.0)
    assert len(gateway.made) == 3


def test_workers_that_do_not_come_to_serve_may_finish_what_they_have_begun(gateway: Gateway) -> None:
    gateway.reload(2.0)
    gateway.says(2.0, Message("compiled"), Message("ready", worker=1))
    gateway.act(2.0 + READY_SECONDS)
    assert gateway.said.take() == ["nothing was changed: its workers did not serve within 30 s"]
    assert gateway.heard(2) == ["stop"]
    assert gateway.killed == []
    assert gateway.supervisor.generations.draining == [gateway.made[1]]
    gateway.end(40.0, 0)
    assert list(gateway.supervisor.generations) == [gateway.made[0]]


def test_a_reload_for_which_there_is_no_room_waits_and_says_so_once(gateway: Gateway) -> None:
    for number in range(2, GENERATIONS_AT_A_TIME + 1):
        gateway.reload(float(number))
        gateway.serve(float(number))
    gateway.act(19.0)
    gateway.said.take()
    gateway.reload(20.0)
    gateway.act(20.0)
    assert gateway.said.take() == ["the reload waits until one of the earlier generations has finished"]
    assert gateway.supervisor._timeout(20.0) is None
    gateway.end(21.0, 0, number=1)
    gateway.act(21.0)
    assert len(gateway.made) == GENERATIONS_AT_A_TIME + 1


def test_more_connections_than_there_is_room_for_are_told(gateway: Gateway) -> None:
    gateway.text = CONFIGURATION.replace("max_connections: 100", "max_connections: 101")
    gateway.reload(2.0)
    gateway.serve(2.0)
    assert "restart the gateway to allow more" in gateway.said.take()[-1]


# Deaths.


def test_a_template_that_dies_is_replaced_at_once(gateway: Gateway) -> None:
    gateway.end(5.0)
    assert gateway.said.take() == [
        "the template process ended (killed by SIGKILL); a new template process is being started"
    ]
    assert gateway.supervisor._timeout(5.0) == 0.0
    gateway.act(5.0)
    gateway.serve(6.0)
    assert gateway.said.take() == ["reloaded 2"]


def test_workers_that_a_dead_template_left_behind_keep_their_numbers_to_themselves(gateway: Gateway) -> None:
    gateway.end(5.0)
    gateway.act(5.0)
    assert gateway.made[1].slot != gateway.made[0].slot
    assert gateway.supervisor.generations.next_free(5.0) == 5.0 + 10.0 + KILL_AFTER_DRAIN


def test_templates_that_go_on_dying_are_replaced_ever_more_rarely_and_never_end_the_gateway(gateway: Gateway) -> None:
    now, pauses = 5.0, []
    gateway.end(now)
    for _ in range(4):
        pauses.append(gateway.supervisor.template_at - now)
        now = gateway.supervisor.template_at
        gateway.act(now)
        gateway.end(now)
    assert pauses == [0.0, 0.5, 1.0, 2.0]
    assert gateway.supervisor.stop_until is None
    assert gateway.said.take()[-1] == "the gateway does not serve; a new template process is being started in 4 s"


def test_a_reload_replaces_a_template_that_can_not_be_replaced(gateway: Gateway) -> None:
    gateway.end(5.0)
    gateway.act(5.0)
    gateway.says(5.0, Message("failed", diagnostics=WRONG))
    gateway.end(5.0, 2 << 8)
    assert "failed ['wrong'] kept=False" in gateway.said.take()
    gateway.text = CONFIGURATION.replace("10s", "11s")
    gateway.reload(5.1)
    assert gateway.launched[-1].configuration.process.drain == 11.0
    gateway.serve(5.2)
    assert gateway.said.take() == ["reloaded 3"]


def test_a_template_that_dies_during_a_reload_leaves_the_reload_alone(gateway: Gateway) -> None:
    gateway.reload(2.0)
    gateway.end(2.5, number=1)
    gateway.act(2.5)
    assert len(gateway.made) == 2
    gateway.serve(3.0)
    assert gateway.said.take()[-1] == "reloaded 2"


def test_a_control_process_that_is_gone_is_started_when_it_is_due_and_told_what_serves(gateway: Gateway) -> None:
    gateway.control.control = None
    gateway.control.start_at = 9.0
    gateway.act(8.0)
    assert gateway.control.starts == 1
    assert gateway.supervisor._timeout(8.0) == 1.0
    gateway.act(9.0)
    assert gateway.control.starts == 2
    assert gateway.control.told[-1] == (1, 2)


def test_a_control_process_that_fails_later_does_not_end_the_gateway(gateway: Gateway) -> None:
    gateway.control.failure = WRONG
    gateway.supervisor._ended(4242, 2 << 8, 5.0)
    assert gateway.supervisor.stop_until is None


def test_a_process_that_is_none_of_ours_is_none_of_our_business(gateway: Gateway) -> None:
    gateway.supervisor._ended(4242, 0, 5.0)
    assert gateway.said.take() == []


# The end.


def test_a_stop_drains_every_generation_then_control(gateway: Gateway) -> None:
    gateway.reload(2.0)
    gateway.serve(2.0)
    gateway.said.take()
    gateway.supervisor._stop(5.0)
    gateway.supervisor._stop(5.0)
    assert gateway.said.take() == ["stopping: open exchanges have 10 s to finish"]
    assert gateway.control.retired
    assert gateway.heard(1) == ["retire", "stop"]
    assert gateway.heard(2) == ["stop"]
    gateway.act(5.0)
    assert gateway.sockets.listening
    gateway.act(5.0 + STOP_ACCEPTING)
    assert not gateway.sockets.listening
    assert gateway.control.stopped == []
    gateway.end(6.0, 0, number=1)
    gateway.end(6.0, 0, number=2)
    gateway.act(6.0)
    assert gateway.control.stopped == [6.0]
    assert gateway.supervisor.status == 0
    assert gateway.said.take() == []


def test_what_has_not_ended_long_after_the_drain_is_killed(gateway: Gateway) -> None:
    gateway.supervisor._stop(5.0)
    gateway.act(5.0 + 10.0)
    assert gateway.killed == []
    gateway.act(5.0 + 10.0 + KILL_AFTER_DRAIN + 1)
    assert gateway.killed == [(1001, signal.SIGKILL)]
    assert gateway.supervisor._timeout(100.0) == pytest.approx(0.1)


def test_a_generation_that_nobody_is_served_by_is_not_waited_for(gateway: Gateway) -> None:
    gateway.reload(2.0)
    gateway.supervisor._stop(2.1)
    assert gateway.killed == [(1002, signal.SIGKILL)]


def test_a_generation_some_of_whose_workers_serve_drains(gateway: Gateway) -> None:
    gateway.reload(2.0)
    gateway.says(2.0, Message("compiled"), Message("ready", worker=0))
    gateway.supervisor._stop(2.1)
    assert gateway.killed == []
    assert gateway.heard(2) == ["stop"]


def test_nothing_takes_over_and_nothing_is_reloaded_once_it_stops(gateway: Gateway) -> None:
    gateway.reload(2.0)
    gateway.supervisor._stop(2.1)
    gateway.serve(2.2)
    gateway.reload(2.3)
    assert gateway.said.take() == ["stopping: open exchanges have 10 s to finish"]
    assert len(gateway.made) == 2


def test_control_is_kept_while_there_may_be_something_to_record(gateway: Gateway) -> None:
    gateway.supervisor._stop(2.0)
    gateway.control.control = None
    gateway.act(2.0)
    assert gateway.control.starts == 2
    gateway.end(3.0, 0)
    gateway.control.control = None
    gateway.act(3.0)
    assert gateway.control.starts == 2


# The end of a process.


def test_counters_that_can_not_be_saved_are_told(gateway: Gateway) -> None:
    class Full:
        def save(self, _now: int) -> None:
            raise OSError(28, "No space left on device")

    gateway.supervisor.shared = Full()  # type: ignore[assignment]
    gateway.supervisor._save_counters()
    assert gateway.said.take() == ["the counters could not be saved: No space left on device"]


def test_a_process_that_is_gone_already_needs_no_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_process: int, _number: int) -> None:
        raise ProcessLookupError

    monkeypatch.setattr(os, "kill", gone)
    supervisor_module._kill(1, signal.SIGKILL)
