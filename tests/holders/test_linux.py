"""The probe against real processes that hold a file in each way."""

from __future__ import annotations

import json
import mmap
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.facts import FileFacts, Hold
from reconciler.holders import check_free, lease, linux, probe
from reconciler.holders.lease import Lease, LeaseLook
from tests.holders.conftest import AS_ROOT, NOBODY, WAYS, facts_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="leases and /proc are Linux's")
needs_root = pytest.mark.skipif(not AS_ROOT, reason="needs root, to be another user")

EXPECTED = {
    "read": {"descriptor N (read)"},
    "write": {"descriptor N (read and write)"},
    "mapping": {"mapping (read)"},
    "shared mapping": {"mapping (write)"},
    "flock": {"descriptor N (read)", "flock (exclusive)"},
    "flock kept by a mapping": {"mapping (read)", "flock (shared)"},
    "posix": {"descriptor N (read and write)", "POSIX lock (exclusive)"},
    "lease": {"descriptor N (read)", "lease (shared)"},
}


def without_numbers(how):
    return {" ".join("N" if word.isdecimal() else word for word in way.split(" ")) for way in how}


def only_holder(answer):
    (holder,) = answer.holders
    return holder


def no_lease(monkeypatch):
    """As on a file system without leases; the file is opened and compared for real."""
    monkeypatch.setattr(lease, "_ask_open", lambda _: LeaseLook(Lease.UNAVAILABLE, "no lease on this file system"))


@pytest.mark.parametrize("user", [0, pytest.param(NOBODY, marks=needs_root)], ids=["same user", "another user"])
@pytest.mark.parametrize("with_lease", [True, False], ids=["lease", "proc only"])
@pytest.mark.parametrize("way", EXPECTED)
def test_a_second_process_is_named_with_the_way(way, with_lease, user, model, directory, start, room, monkeypatch):
    if not with_lease:
        no_lease(monkeypatch)
    file, other = model(), model("b.gguf")
    process = start(room / file.name, WAYS[way], user=user)

    held, free = probe(directory, [file, other])

    holder = only_holder(held)
    assert (held.hold, held.file, holder.pid, holder.ours) == (Hold.HELD, file, process.pid, False)
    assert without_numbers(holder.how) == EXPECTED[way]
    assert holder.user == ("nobody" if user else pwd_name())
    assert holder.command.startswith(sys.executable)
    assert holder.started > 0
    assert free.holders == ()
    assert free.hold is Hold.FREE if with_lease else free.hold is not Hold.HELD


def pwd_name():
    import pwd

    return pwd.getpwuid(os.geteuid()).pw_name


def test_the_start_time_is_that_of_proc(model, directory, start, room):
    file = model()
    process = start(room / file.name, WAYS["read"])
    stat = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii")
    assert only_holder(check_free(directory, file)).started == int(stat.rpartition(")")[2].split()[19])


def test_free_again_when_the_holder_ends(model, directory, start, room):
    file = model()
    process = start(room / file.name, WAYS["mapping"])
    assert check_free(directory, file).hold is Hold.HELD
    process.kill()
    process.wait()
    answer = check_free(directory, file)
    assert (answer.hold, answer.means, answer.holders) == (Hold.FREE, ("lease",), ())


def test_a_running_executable(room, directory):
    program = shutil.copy("/bin/sleep", room / "sleep.bin")
    process = subprocess.Popen([program, "600"])
    try:
        answer = check_free(directory, facts_of(directory, "sleep.bin"))
    finally:
        process.kill()
        process.wait()
    assert answer.hold is Hold.HELD
    assert {"executable", "mapping (read)"} <= set(only_holder(answer).how)


def test_this_very_process_is_named_as_ours(model, directory, room):
    file = model()
    with open(room / file.name, "rb") as opened, mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ):
        holder = only_holder(check_free(directory, file))
    assert holder.ours
    assert holder.pid == os.getpid()
    assert "mapping (read)" in holder.how
    assert check_free(directory, file).hold is Hold.FREE


def test_a_child_that_inherited_the_descriptor(model, directory, start, room):
    file = model()
    fork = "f = open(path); child = os.fork()\nif child: f.close()\nelse: time.sleep(600)"
    then = "sys.stdin = None; print(child, flush=True); time.sleep(600)"
    process = start(room / file.name, fork, then=then)
    child = int(process.stdout.readline())
    try:
        assert only_holder(check_free(directory, file)).pid == child
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_flock_inherited_from_a_process_that_ended(model, directory, start, room):
    file = model()
    code = "f = open(path); fcntl.flock(f, fcntl.LOCK_EX)\nif os.fork(): os._exit(0)\nos.setsid()"
    process = start(room / file.name, code, then="print(os.getpid(), flush=True); time.sleep(600)")
    child = int(process.stdout.readline())
    try:
        process.wait()
        holder = only_holder(check_free(directory, file))
        assert holder.pid == child
        assert without_numbers(holder.how) == EXPECTED["flock"]
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_process_whose_first_thread_has_ended(model, directory, start, room, monkeypatch):
    no_lease(monkeypatch)
    file = model()
    then = "threading.Thread(target=time.sleep, args=(600,)).start(); ctypes.CDLL(None).pthread_exit(None)"
    process = start(room / file.name, "fd = os.open(path, os.O_RDONLY)", then=then)
    while b"\nState:\tZ" not in Path(f"/proc/{process.pid}/status").read_bytes():
        pass
    assert only_holder(check_free(directory, file)).pid == process.pid


def test_path_only_descriptors_are_seen_where_proc_decides(model, directory, start, room, monkeypatch):
    no_lease(monkeypatch)
    file = model()
    start(room / file.name, "fd = os.open(path, os.O_PATH)")
    assert without_numbers(only_holder(check_free(directory, file)).how) == {"descriptor N (path only)"}


def test_matched_by_inode_and_not_by_path(model, directory, start, room):
    file = model()
    os.link(room / file.name, room / "other name")
    start(room / "other name", WAYS["read"])
    assert check_free(directory, file).hold is Hold.HELD


def test_what_replaced_the_file_does_not_count(model, directory, start, room):
    file = model()
    os.rename(room / file.name, room / "moved")
    model()
    start(room / file.name, WAYS["read"])
    answer = check_free(directory, file)
    assert (answer.hold, answer.holders) == (Hold.UNKNOWN, ())
    assert answer.why == "is another file than the one observed; plan again"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("rm b", "vanished"),
        ("ln -sf /etc/passwd b", "symbolic link"),
        ("rm b; mkfifo b", "another file"),
        ("rm b; mkdir b", "another file"),
    ],
)
def test_a_changed_file_is_unknown_alone(change, why, model, directory, room):
    files = [model("a"), model("b"), model("c")]
    subprocess.run(["sh", "-ec", change], cwd=room, check=True)
    answers = probe(directory, files)
    assert [answer.hold for answer in answers] == [Hold.FREE, Hold.UNKNOWN, Hold.FREE]
    assert why in answers[1].why


NAMES = st.lists(
    st.binary(min_size=1, max_size=40).filter(lambda name: not set(name) & {0, 47} and name not in {b".", b".."}),
    unique=True,
    max_size=8,
)


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=NAMES, content=st.binary(max_size=20))
def test_without_holders_every_file_is_free(names, content, tmp_path_factory):
    place = tmp_path_factory.mktemp("free")
    directory = os.open(place, os.O_RDONLY)
    try:
        for name in names:
            with open(os.path.join(os.fsencode(place), name), "wb") as file:
                file.write(content)
        files = [facts_of(directory, os.fsdecode(name)) for name in names]
        answers = probe(directory, files)
        assert [answer.file for answer in answers] == files
        assert all((answer.hold, answer.means, answer.why) == (Hold.FREE, ("lease",), "") for answer in answers)
    finally:
        os.close(directory)


def test_no_files_no_answers(directory):
    assert probe(directory, []) == []


# --- as a user who may see less


def as_user(directory, files, *, user=NOBODY):
    """Probe in a child that has become another user: what it answered, as plain values."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            answers = probe(directory, files)
            plain = [[a.hold, a.means, [[h.pid, h.how] for h in a.holders], a.why] for a in answers]
            os.write(writing, json.dumps(plain).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with open(reading, "rb") as answer:
        text = answer.read()
    assert os.waitpid(child, 0)[1] == 0
    return json.loads(text)


@needs_root
def test_the_owner_learns_of_another_users_process_by_the_lease(model, directory, start, room):
    file = model()
    os.chown(room / file.name, NOBODY, NOBODY)
    start(room / file.name, WAYS["mapping"])
    ((hold, means, holders, why),) = as_user(directory, [file])
    assert (hold, means, holders) == ("held", ["lease", "proc"], [])
    assert "processes that may not be read (run as root)" in why


@needs_root
def test_another_users_lock_names_its_process(model, directory, start, room):
    file = model()
    os.chown(room / file.name, NOBODY, NOBODY)
    process = start(room / file.name, WAYS["flock"])
    ((hold, _, holders, _),) = as_user(directory, [file])
    assert (hold, holders) == ("held", [[process.pid, ["flock (exclusive)"]]])


@needs_root
@pytest.mark.parametrize("mode", [0o644, 0o600], ids=["readable", "not readable"])
@pytest.mark.parametrize("way", ["nothing", "mapping"])
def test_where_neither_helps_it_is_unknown(way, mode, model, directory, start, room):
    file = model()
    os.chmod(room / file.name, mode)
    start(room / file.name, WAYS[way])
    ((hold, means, holders, why),) = as_user(directory, [file])
    assert (hold, means, holders) == ("unknown", ["proc"], [])
    assert "may not be read (run as root)" in why
    assert "as its owner" in why


@needs_root
def test_the_owner_needs_nothing_but_the_lease_for_free(model, directory, room):
    file = model()
    os.chown(room / file.name, NOBODY, NOBODY)
    assert as_user(directory, [file]) == [["free", ["lease"], [], ""]]


# --- other namespaces and file systems


def in_namespace(flags, script, *arguments):
    """Run a script of shell in namespaces of its own; skips where that is not allowed."""
    if (
        not shutil.which("unshare")
        or subprocess.run(["unshare", *flags, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("needs the right to unshare " + " ".join(flags))
    done = subprocess.run(
        ["unshare", *flags, "sh", "-euc", script, "sh", sys.executable, *arguments],
        capture_output=True,
        check=False,
        text=True,
        cwd=Path(linux.__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


PROBE_OF = """
import json, os, sys
from reconciler.holders import probe
from tests.holders.conftest import facts_of
directory = os.open(sys.argv[1], os.O_RDONLY)
answers = probe(directory, [facts_of(directory, name) for name in sys.argv[2:]])
print(json.dumps([[a.hold, a.means, [[h.pid, h.how] for h in a.holders], a.why] for a in answers]))
"""


def test_a_holder_outside_this_pid_namespace(model, start, room):
    start(room / model().name, WAYS["mapping"])
    model("b.gguf")
    script = '"$1" -c "$2" "$3" a.gguf b.gguf'
    held, free = in_namespace(["-p", "-f", "--mount-proc"], script, PROBE_OF, str(room))
    assert held[:3] == ["held", ["lease", "proc"], []]
    assert "a process outside this PID namespace" in held[3]
    assert free == ["free", ["lease"], [], ""]


def test_proc_of_the_namespace_above_names_the_process_as_there(model, start, room):
    process = start(room / model().name, WAYS["mapping"])
    (held,) = in_namespace(["-p", "-f"], '"$1" -c "$2" "$3" a.gguf', PROBE_OF, str(room))
    assert held == ["held", ["lease", "proc"], [[process.pid, ["mapping (read)"]]], ""]


def test_without_proc_the_lease_still_says_held_and_nothing_is_free(model, start, room):
    start(room / model().name, WAYS["mapping"])
    model("b.gguf")
    script = 'mount -t tmpfs none /proc; "$1" -c "$2" "$3" a.gguf b.gguf'
    held, free = in_namespace(["-m"], script, PROBE_OF, str(room))
    assert held[:3] == ["held", ["lease", "proc"], []]
    assert "there is no /proc of this PID namespace" in held[3]
    assert free[0] == "unknown"


OVERLAY = """
mkdir "$3/lower" "$3/upper" "$3/work" "$3/merged"
echo lower > "$3/lower/a"
mount -t overlay overlay -o "lowerdir=$3/lower,upperdir=$3/upper,workdir=$3/work" "$3/merged" || { echo null; exit 0; }
echo upper > "$3/merged/b"
echo free > "$3/merged/c"
"$1" -c "$4" "$3/merged/a" 0 > "$3/ready-a" & first=$!
"$1" -c "$4" "$3/merged/b" 0 > "$3/ready-b" & second=$!
until [ -s "$3/ready-a" ] && [ -s "$3/ready-b" ]; do sleep 0.02; done
"$1" -c "$2" "$3/merged" a b c
kill $first $second
"""


def test_on_overlay_a_granted_lease_is_not_believed(room):
    """There the kernel grants it although the file is mapped: the mapping is of the lower file system's file."""
    from tests.holders.conftest import _CHILD

    child = _CHILD.replace("{hold}", WAYS["mapping"]).replace("{then}", "time.sleep(600)")
    answers = in_namespace(["-m"], OVERLAY, PROBE_OF, str(room), child)
    if answers is None:
        pytest.skip("overlay cannot be mounted here")
    lower, upper, free = answers
    for hold, means, ((_, how),), _ in (lower, upper):
        assert (hold, means, how) == ("held", ["lease", "proc"], ["mapping (read)"])
    hold, means, holders, why = free
    assert (hold, means, holders) == ("unknown" if why else "free", ["lease", "proc"], [])


# --- what the probe leaves behind


def test_the_lease_is_dropped(model, directory, room):
    file = model()
    assert check_free(directory, file).hold is Hold.FREE
    os.close(os.open(room / file.name, os.O_WRONLY | os.O_NONBLOCK))  # EAGAIN if a lease were left
    assert f":{file.inode} " not in Path("/proc/locks").read_text(encoding="ascii")


def state_of_signals():
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    return blocked, [signal.getsignal(number) for number in (signal.SIGIO, signal.SIGURG)]


def test_signals_stay_as_they_were_and_breaking_the_lease_kills_nobody(model, directory, start, room):
    file = model()
    before = state_of_signals()
    opener = "f = None"
    then = "while True:\n  os.close(os.open(path, os.O_RDONLY))"
    start(room / file.name, opener, then=then)
    answers = {check_free(directory, file).hold for _ in range(200)}
    assert Hold.UNKNOWN not in answers
    assert state_of_signals() == before


def test_off_the_main_thread_and_two_at_once(model, directory):
    """Two looks of one process at once do not take each other for a holder."""
    file = model()
    answers: list[Hold] = []

    def look():
        answers.extend(check_free(directory, file).hold for _ in range(200))

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [Hold.FREE] * 800


def test_a_file_under_the_lease_of_another_process_is_held(model, directory, start, room):
    file = model()
    process = start(room / file.name, "fd = os.open(path, os.O_RDONLY); fcntl.fcntl(fd, 1024, fcntl.F_WRLCK)")
    answer = check_free(directory, file)
    assert answer.hold is Hold.HELD
    assert only_holder(answer).pid == process.pid


def resident():
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * mmap.PAGESIZE


@pytest.mark.parametrize(("way", "rounds"), [("nothing", 300), ("mapping", 60)])
def test_many_rounds_leave_nothing(way, rounds, model, directory, start, room):
    files = [model(f"{number}.gguf") for number in range(20)]
    start(room / files[0].name, WAYS[way])

    def state():
        return sorted(os.listdir("/proc/self/fd")), threading.active_count(), len(os.listdir("/proc/self/task"))

    for _ in range(5):
        probe(directory, files)
    before, memory = state(), resident()
    for _ in range(rounds):
        probe(directory, files)
    assert state() == before
    assert resident() - memory < 4 << 20


def test_leases_are_asked_with_the_descriptor_closed_again(model, directory):
    """So that a thousand files need no thousand descriptors."""
    import resource

    files = [model(f"{number}.gguf") for number in range(100)]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 8, hard))
    try:
        assert {answer.hold for answer in probe(directory, files)} == {Hold.FREE}
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_running_out_of_descriptors_is_unknown_and_not_free(model, directory):
    import resource

    file = model()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        answer = check_free(directory, file)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert answer.hold is Hold.UNKNOWN
    assert "Too many open files" in answer.why


def test_evidence_of_a_file_keeps_its_order(model, directory, start, room):
    files: list[FileFacts] = [model(f"{number}") for number in range(30)]
    for number in (3, 17, 29):
        start(room / str(number), WAYS["read"])
    answers = probe(directory, files[::-1])
    assert [answer.file for answer in answers] == files[::-1]
    assert [answer.file.name for answer in answers if answer.hold is Hold.HELD] == ["29", "17", "3"]
