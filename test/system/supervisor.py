#!/usr/bin/python3
"""master: starting, wires, restarts, reloading, ending, and what an
administrator is told when something is wrong. With probes instead of mail."""
import errno
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
import posthouse
from probe import CONNECT, Probes, RELOAD, STOP, Talk, WIRE


def starts_and_says_what_it_listens_on():
    with Probes() as probes:
        probes.start()
        assert probes.output() == "listen smtp 127.0.0.1:20025\nready\n", probes.output()
        talk = probes.talk()
        name, instance, user, descriptors = talk.say("NAME").split()
        assert (name, instance) == ("front", "0")
        assert user == "posthouse-login"
        # exactly those of serve/process.h: nothing of master's is inherited
        assert descriptors == "8", descriptors
        assert talk.say("SHARED") == "cut=no write=no"
        status = probes.status()
        assert set(status) == {("back", 0), ("back", 1), ("front", 0), ("keeper", 0),
                               ("spiller", 0)}
        socket_mode = os.stat(f"{probes.run}/lmtp").st_mode & 0o777
        assert socket_mode == 0o660
        assert os.stat(f"{probes.run}/control").st_mode & 0o777 == 0o600


def wires_are_made_kept_and_refused():
    with Probes() as probes:
        probes.start()
        talk = probes.talk()
        assert talk.say("CALL 0 a") == "NEW a"
        assert talk.say("CALL 0 b") == "KEPT b"
        assert talk.say("CALL 1 c") == "NEW c"
        assert talk.say("FORBIDDEN x").startswith("LATER ")
        assert "event=wire-not-in-table caller=front service=queue-smtp" in probes.log()
        # the command's wires stand in the table too
        answers, fds = probes.request(CONNECT, service=b"back-admin", instance=1)
        assert answers[0][1] == WIRE and len(fds) == 1
        wire = socket.socket(fileno=fds[0])
        wire.settimeout(60)
        wire = Talk(wire, greeting=False)
        assert wire.say("NAME").split()[:2] == ["back", "1"]
        answers, fds = probes.request(CONNECT, service=b"back-echo")
        assert answers[0][1] != WIRE and not fds


def who_dies_is_started_again():
    with Probes() as probes:
        probes.start()
        talk = probes.talk()
        other = probes.talk()
        assert talk.say("CALL 0 a") == "NEW a"
        before = probes.pid("back")
        os.kill(before, signal.SIGKILL)
        posthouse.wait_until(lambda: probes.pid("back") not in (0, before), 5,
                             "back is there again")
        # the wire that died is noticed before it is used
        posthouse.wait_until(lambda: talk.say("CALL 0 b") == "NEW b", 5, "a new wire")
        assert other.say("ECHO still here") == "still here"
        assert probes.status()[("back", 0)][1] == 1
        # again and again: later and later
        for expected in (0.9, 1.8):
            begin, before = time.monotonic(), probes.pid("back")
            os.kill(before, signal.SIGKILL)
            posthouse.wait_until(lambda: probes.pid("back") not in (0, before), 8,
                                 "back is there again")
            assert time.monotonic() - begin > expected, time.monotonic() - begin
            assert talk.say("CALL 1 x").split()[0] in ("NEW", "KEPT")


def what_killed_twice_is_remembered():
    with Probes() as probes:
        probes.start()
        for expected in ("0", "1"):
            talk = posthouse.wait_until(lambda: attempt(probes), 8, "front answers")
            assert talk.say("DEATHS 77") == expected
            assert talk.say("ABORT") == ""
            talk.close()
        talk = posthouse.wait_until(lambda: attempt(probes), 8, "front answers")
        assert talk.say("DEATHS 78") == "0"
        assert talk.say("CLEAR") == "cleared"
        assert talk.say("DEATHS 77") == "2"


def attempt(probes):
    try:
        return probes.talk()
    except (OSError, AssertionError):
        return None


def stop_and_wait(pid):
    os.kill(pid, signal.SIGSTOP)
    posthouse.wait_until(lambda: Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1]
                         .split()[0] == "T", 5, "it is stopped")


def a_stopped_process_holds_half_of_the_workers():
    """Eight workers: four may wait for the one that is stopped, the fifth call
    is told so at once; who does not need it is served all the time."""
    with Probes() as probes:
        probes.start()
        talk = probes.talk()
        assert talk.say("CALL 0 a") == "NEW a"
        stopped = probes.pid("back")
        stop_and_wait(stopped)
        answers, held_up = [], []

        def call():
            mine = probes.talk()
            begin = time.monotonic()
            answers.append((mine.say("CALL 0 x"), time.monotonic() - begin))

        threads = [threading.Thread(target=call) for _ in range(12)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            begin = time.monotonic()
            fresh = probes.talk()
            assert fresh.say("ECHO y") == "y"
            assert fresh.say("CALL 1 z").endswith(" z")
            held_up.append(time.monotonic() - begin)
            fresh.close()
        waited = [a for a in answers if a[0].startswith("FAILED")]
        refused = [a for a in answers if a[0].startswith("LATER")]
        assert len(waited) + len(refused) == 12, answers
        assert len(waited) >= 4 and refused, answers
        # of the four seconds that a call waits (probe.c)
        assert max(held_up) < 3, f"others were held up: {held_up}"
        assert all(seconds < 3 for _, seconds in refused), refused
        assert all(3.9 < seconds < 30 for _, seconds in waited), waited
        os.kill(stopped, signal.SIGCONT)
        posthouse.wait_until(lambda: talk.say("CALL 0 b").endswith(" b"), 5, "it goes on")


def a_reload_changes_ports_values_and_logs():
    with Probes() as probes:
        probes.start()
        talk = probes.talk()
        old_port = probes.system.port("smtp")
        log = probes.data / "log/posthouse.log"
        log.rename(log.with_suffix(".old"))
        probes.system.set(smtp_port=26, mydomain="changed.example.test")
        assert probes.reload() == (0, "")
        posthouse.wait_until(lambda: talk.say("CONFIG mydomain") == "changed.example.test", 5,
                             "the new value")
        fresh = probes.talk(old_port + 1)
        assert fresh.say("ECHO x") == "x"
        try:
            socket.create_connection(("127.0.0.1", old_port), 60)
            raise AssertionError("the old port still answers")
        except ConnectionRefusedError:
            pass
        assert "event=reloaded" in probes.log()
        # who cannot have it keeps the old state, and is told why
        with socket.socket() as other:
            other.bind(("127.0.0.1", old_port + 2))
            other.listen()
            probes.system.set(smtp_port=27)
            number, text = probes.reload()
            assert number != 0 and "smtp_port: listening on 127.0.0.1:20027" in text, text
        assert fresh.say("ECHO still") == "still"
        probes.system.set(smtp_port=26, runtime_directory="/tmp/elsewhere")
        number, text = probes.reload()
        assert number != 0 and "runtime_directory has changed" in text, text
        # the same again: nobody listens twice
        probes.system.set(runtime_directory=probes.run)
        for _ in range(5):
            assert probes.reload() == (0, "")
        posthouse.wait_until(lambda: probes.talk(old_port + 1).say("ECHO y") == "y", 5, "it serves")


def no_connection_is_lost(probes, interfaces, took):
    """Some wait to be accepted during a reload, others come all the time."""
    lost, is_over = [], threading.Event()

    def come_and_go():
        while not is_over.is_set():
            try:
                probes.talk().close()
            except (OSError, AssertionError) as error:
                lost.append(error)
                return
    front = probes.pid("front")
    stop_and_wait(front)
    waiting = [socket.create_connection(("127.0.0.1", probes.system.port("smtp")), 60)
               for _ in range(20)]
    threads = [threading.Thread(target=come_and_go) for _ in range(3)]
    resume = threading.Timer(0.4, os.kill, [front, signal.SIGCONT])
    for thread in threads:
        thread.start()
    probes.system.set(inet_interfaces=interfaces)
    if interfaces == "all":
        began = time.monotonic()
        assert probes.reload() == (0, "")
        took.append(time.monotonic() - began)
        resume.start()
    else:
        resume.start()
        assert probes.reload() == (0, "")
    for client in waiting:
        assert Talk(client).say("ECHO x") == "x"
    time.sleep(0.2)     # of coming and going, with the new listeners
    is_over.set()
    for thread in threads:
        thread.join()
    assert not lost, lost


def answers(probes, address):
    try:
        return Talk(socket.create_connection((address, probes.system.port("smtp")), 60)).say(
            "ECHO y") == "y"
    except (ConnectionError, AssertionError):
        return False


def a_reload_changes_interfaces():
    """From one address to all and back; nobody who was connected or waits notices."""
    took = []
    for first, second in (("127.0.0.1", "all"), ("all", "127.0.0.1"),
                          ("all", "127.0.0.2, 127.0.0.1")):
        with Probes() as probes:
            probes.system.set(inet_interfaces=first, inet_protocols="ipv4")
            probes.start()
            for interfaces in (second, first, second):
                no_connection_is_lost(probes, interfaces, took)
                assert answers(probes, "127.0.0.1")
                assert answers(probes, "127.0.0.2") == (interfaces != "127.0.0.1")
                assert answers(probes, "127.0.0.3") == (interfaces == "all")
    # nothing is closed that all addresses include, so nothing is waited for, as it
    # would be for a second each time (base/listeners.h)
    assert min(took) < 0.9, took


def hup_opens_the_log_anew():
    with Probes() as probes:
        probes.start()
        log = probes.data / "log/posthouse.log"
        log.rename(log.with_suffix(".old"))
        probes.process.send_signal(signal.SIGHUP)
        posthouse.wait_until(log.exists, 5, "a new log")
        talk = probes.talk()
        # a process of the system writes to it as well
        posthouse.wait_until(lambda: talk.say("FORBIDDEN x") and log.stat().st_size > 0 and
                             "event=reload" in probes.log(), 5, "lines in the new log")


def ends_in_order_and_in_time():
    for is_stopped in (False, True):
        with Probes() as probes:
            probes.start()
            talk = probes.talk()
            assert talk.say("CALL 0 a") == "NEW a"
            if is_stopped:
                stop_and_wait(probes.pid("back"))
            probes.process.send_signal(signal.SIGTERM)
            assert talk.file.readline() == "bye\n"
            # the one that is stopped would never end by itself
            assert probes.process.wait(30) == 0
            ends = re.findall(r"event=process-ended program=(\w+)", probes.log())
            assert ends.index("front") < ends.index("back"), ends
            assert not os.path.exists(f"{probes.run}/control")
            assert not os.path.exists(f"{probes.run}/lmtp")


def strangers_are_not_heard():
    """Neither by the mode of the socket nor, were it wrong, by master itself."""
    if os.geteuid() != 0:
        return
    with Probes() as probes:
        probes.start()
        control = f"{probes.run}/control"
        ask = ("import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); "
               f"s.settimeout(60); s.connect({control!r}); print(s.recv(1) == b'')")
        # the python of this test may lie where nobody else may look
        as_nobody = ["setpriv", "--reuid=nobody", "--clear-groups", "/usr/bin/python3", "-c", ask]
        done = subprocess.run(as_nobody, capture_output=True, text=True)
        assert "PermissionError" in done.stderr, done
        os.chmod(control, 0o666)
        done = subprocess.run(as_nobody, capture_output=True, text=True)
        assert done.stdout == "True\n", done


def the_command_stops_it():
    with Probes() as probes:
        probes.start()
        answers, _ = probes.request(STOP)
        assert answers[-1][6] == 0
        assert probes.process.wait(30) == 0


def all_end_when_master_is_killed():
    with Probes() as probes:
        probes.start()
        pids = [pid for pid, _ in probes.status().values()]
        probes.process.kill()
        probes.process.wait()
        posthouse.wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), 8,
                             "no process is left")
        # and a new one finds nothing in its way
        probes.start()
        assert probes.talk().say("ECHO x") == "x"


def who_floods_master_is_ended():
    with Probes() as probes:
        probes.start()
        before, talk = probes.pid("front"), probes.talk()
        flood = threading.Thread(target=lambda: talk.say("FLOOD"))
        flood.start()
        while flood.is_alive():
            begin = time.monotonic()
            probes.status()
            assert time.monotonic() - begin < 10, "master was held up"
        ended = f"event=process-ended program=front instance=0 pid={before} signal=9"
        posthouse.wait_until(lambda: ended in probes.log(), 5, "it is ended")
        # the next one, in the second of the flood, is not ended for it
        talk = posthouse.wait_until(lambda: attempt(probes), 5, "it serves")
        assert talk.say("CALL 0 x") == "NEW x"
        assert probes.status()[("front", 0)][1] == 1
        back = probes.pid("back")
        posthouse.wait_until(lambda: len(os.listdir(f"/proc/{back}/fd")) < 40, 10,
                             "the wires nobody uses are closed")


def who_talks_nonsense_is_ended():
    with Probes() as probes:
        probes.start()
        before = probes.pid("front")
        probes.talk().say("NONSENSE")      # it may or may not come to its last words
        posthouse.wait_until(lambda: probes.pid("front") not in (0, before), 5, "a new one")
        assert f"event=process-ended program=front instance=0 pid={before} signal=9" in probes.log()
        assert posthouse.wait_until(lambda: attempt(probes), 5, "it serves").say("ECHO x") == "x"


def fails_with_one_sentence(change, expected):
    with Probes() as probes:
        after = change(probes)
        probes.spawn()
        status = probes.process.wait(60)
        text = probes.errors()
        assert status == 1, (status, text)
        sentences = [line for line in text.splitlines() if line.startswith("posthouse: ")]
        assert len(sentences) == 1 and expected in sentences[0], text
        assert "ready" not in probes.output()
        assert not os.path.exists(f"{probes.run}/lmtp"), "something was left behind"
        if after is not None:
            after.close()


def a_port_in_use_is_said():
    def change(_):
        other = socket.socket()
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 20025))
        other.listen()
        return other
    fails_with_one_sentence(change, "smtp_port: listening on 127.0.0.1:20025: another program has this port")


def a_missing_directory_is_said():
    fails_with_one_sentence(lambda probes: probes.system.set(data_directory="/nonexistent/data"),
                            "data_directory: opening /nonexistent/data/log/posthouse.log: "
                            "No such file or directory")


def an_unknown_interface_is_said():
    fails_with_one_sentence(lambda probes: probes.system.set(inet_interfaces="no-such-host.invalid"),
                            'inet_interfaces: found "no-such-host.invalid", expected')


def a_second_system_is_said():
    with Probes() as probes:
        probes.start()
        first = probes.process
        probes.spawn()
        assert probes.process.wait(60) == 1
        assert "a system is already running with runtime_directory" in probes.errors()
        probes.process = first
        assert probes.talk().say("ECHO x") == "x"


def a_wrong_table_is_said():
    cases = {
        "program a posthouse-mail 1\nprogram b posthouse-mail 1\nwire a x b\nwire b y a\n":
            "the wires go in a ring",
        "program a posthouse-mail\n": ":1: found \"program a posthouse-mail\", expected program NAME",
        "\nlisten a smtp smtp_port\n": ":2: found",
        "program a posthouse-mail 0\n": "expected 1 to 256 processes",
        "program a no-such-user-here 1\n": "no-such-user-here does not exist",
        "socket a b c 0666\n": "expected a program from a row above",
        "program a posthouse-mail 1\nsocket a b c/d 0666\n": "a service and a file name",
        "program a posthouse-mail 1\nsocket a b c 0888\n": "a mode of four octal digits",
        "nonsense\n": "expected program, when, alone, watch, file, listen, datagram, socket or wire",
    }
    with Probes() as probes:
        for text, expected in cases.items():
            if "user" in text and os.geteuid() != 0:
                continue
            table = probes.directory / "services"
            table.write_text(text)
            probes.spawn(services=table)
            assert probes.process.wait(60) == 1, text
            assert expected in probes.errors(), (text, probes.errors())


CASES = [starts_and_says_what_it_listens_on, wires_are_made_kept_and_refused,
         who_dies_is_started_again, what_killed_twice_is_remembered,
         a_stopped_process_holds_half_of_the_workers, a_reload_changes_ports_values_and_logs,
         a_reload_changes_interfaces,
         hup_opens_the_log_anew, ends_in_order_and_in_time, strangers_are_not_heard,
         the_command_stops_it,
         who_floods_master_is_ended, who_talks_nonsense_is_ended,
         all_end_when_master_is_killed, a_port_in_use_is_said, a_missing_directory_is_said,
         an_unknown_interface_is_said, a_second_system_is_said,
         a_wrong_table_is_said]


def main():
    posthouse.own_network()
    for case in CASES:
        if len(sys.argv) > 1 and case.__name__ not in sys.argv[1:]:
            continue
        print(case.__name__, flush=True)
        case()


if __name__ == "__main__":
    main()
