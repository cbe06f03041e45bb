from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.engine import client
from reconciler.engine.client import EngineChild
from reconciler.errors import EngineError, ModelDirectoryError
from reconciler.facts import EngineFacts
from tests.engine.conftest import EngineAt, StandIn, is_gone, wait_until
from tests.install_engines import LISTS_ALL, NEWEST, OLDEST, TOO_OLD

LONG = 120.0
WORKING = (NEWEST, LISTS_ALL, OLDEST)
DEFAULT_MODEL = "bartowski_Llama/Llama-3.2-3B-Instruct-Q4_K_M.gguf"


def ask(python: str | None, directory: Path | str | None, base: Path | str = "/", timeout: float = LONG) -> EngineFacts:
    with EngineChild.start(python, timeout) as child:
        return child.ask(None if directory is None else str(directory), str(base))


class TestRealEngine:
    def test_recent_release_lists_only_its_default_model(self, engine_at: EngineAt, models: Path):
        facts = ask(engine_at(NEWEST), models)
        assert facts == EngineFacts(NEWEST, engine_at(NEWEST), str(models), (DEFAULT_MODEL,))

    @pytest.mark.parametrize("release", [LISTS_ALL, OLDEST])
    def test_earlier_release_lists_everything_at_depth_one_and_two(
        self, engine_at: EngineAt, models: Path, release: str
    ):
        (models / "a" / "b").mkdir(parents=True)
        (models / "a" / "b" / "deep.bin").touch()
        (models / ".hidden").touch()
        os.mkfifo(models / "fifo")
        (models / "dangling").symlink_to("/nowhere")
        facts = ask(engine_at(release), models)
        here = {"en_ocr_v1.bin", "old_fr_ocr_v1.bin", DEFAULT_MODEL, ".hidden", "fifo", "dangling"}
        assert (facts.release, set(facts.listing)) == (release, here)
        assert len(facts.listing) == len(here)

    @pytest.mark.parametrize("release", WORKING)
    def test_without_a_model_directory_the_engines_own_is_relative_to_base(
        self, engine_at: EngineAt, tmp_path: Path, release: str
    ):
        directory = tmp_path / "Aspose.AI.LLM" / "models"
        directory.mkdir(parents=True)
        (directory / "Llama-3.2-3B-Instruct-Q4_K_M.gguf").touch()
        facts = ask(engine_at(release), None, tmp_path)
        assert facts.model_directory == str(directory)
        assert facts.listing == ("Llama-3.2-3B-Instruct-Q4_K_M.gguf",)

    def test_names_that_are_not_utf8(self, engine_at: EngineAt, tmp_path: Path):
        directory = os.fsencode(tmp_path / "models") + b"\xff"
        os.mkdir(directory)
        os.close(os.open(directory + b"/\xfe\n.bin", os.O_CREAT))
        facts = ask(engine_at(LISTS_ALL), os.fsdecode(directory))
        assert os.fsencode(facts.model_directory) == directory
        assert facts.listing == ("\ufffd\n.bin",)

    def test_too_old_a_package(self, engine_at: EngineAt, models: Path):
        with pytest.raises(EngineError, match=r"too old there.*pip install 'aspose-ocr-python-net>=25\.12\.0'"):
            ask(engine_at(TOO_OLD), models)

    @pytest.mark.parametrize("release", WORKING)
    def test_missing_directory(self, engine_at: EngineAt, tmp_path: Path, release: str):
        with pytest.raises(ModelDirectoryError, match=rf"^{tmp_path}/none: no such directory; create it"):
            ask(engine_at(release), tmp_path / "none")

    @pytest.mark.parametrize("release", WORKING)
    def test_file_in_place_of_the_directory(self, engine_at: EngineAt, models: Path, release: str):
        file = models / "en_ocr_v1.bin"
        with pytest.raises(ModelDirectoryError, match=rf"^{file}: is not a directory; correct"):
            ask(engine_at(release), file)

    @pytest.mark.parametrize("release", WORKING)
    def test_subdirectory_whose_name_is_not_utf8(self, engine_at: EngineAt, models: Path, release: str):
        os.mkdir(os.fsencode(models) + b"/sub\xff")
        message = rf"^{models}/sub\ufffd: the name of this directory is not UTF-8.*rename it.*discovery: \[directory\]"
        with pytest.raises(ModelDirectoryError, match=message):
            ask(engine_at(release), models)

    @pytest.mark.parametrize("release", WORKING)
    def test_unreadable_directory(self, engine_at: EngineAt, stand_in: StandIn, models: Path, release: str):
        models.chmod(0)
        with pytest.raises(ModelDirectoryError, match=rf"^{models}: may not be read by this user; run as"):
            ask(stand_in(_unprivileged(engine_at(release))), models)

    @pytest.mark.parametrize("release", WORKING)
    def test_unreadable_subdirectory(self, engine_at: EngineAt, stand_in: StandIn, models: Path, release: str):
        (models / "sub").mkdir(mode=0)
        with pytest.raises(
            ModelDirectoryError, match=rf"^{models}/sub: this directory may not be read.*make it readable"
        ):
            ask(stand_in(_unprivileged(engine_at(release))), models)

    @pytest.mark.parametrize("shell", ["exec ", ""])
    def test_abort(self, engine_at: EngineAt, stand_in: StandIn, models: Path, shell: str):
        """The real runtime aborts where ICU is missing or newer than 70, as it is from Debian 12 on."""
        python = stand_in(f'unset DOTNET_SYSTEM_GLOBALIZATION_INVARIANT; {shell}{engine_at(NEWEST)} "$@"; exit $?')
        with pytest.raises(
            EngineError, match=r"(?s)aborted its process \(SIGABRT, code (-6|134)\).*\n  stderr:.*valid ICU"
        ):
            ask(python, models)

    def test_fifty_sessions_leave_the_process_as_it_was(self, engine_at: EngineAt, models: Path):
        def state() -> tuple[list[str], int]:
            return os.listdir("/proc/self/fd"), threading.active_count()

        before = state()
        for _ in range(50):
            assert len(ask(engine_at(LISTS_ALL), models).listing) == 3
        assert state() == before

    def test_signal_handlers_stay(self, engine_at: EngineAt, models: Path):
        caught = []
        old = signal.signal(signal.SIGTERM, lambda number, _frame: caught.append(number))
        try:
            ask(engine_at(NEWEST), models)
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            signal.signal(signal.SIGTERM, old)
        assert caught == [signal.SIGTERM]

    def test_caller_environment_does_not_reach_the_imports(
        self, engine_at: EngineAt, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        (tmp_path / "aspose.py").write_text("raise SystemExit('wrong aspose')")
        (tmp_path / "json.py").write_text("raise SystemExit('wrong json')")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        monkeypatch.setenv("PYTHONHOME", str(tmp_path))
        monkeypatch.setenv("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "0")
        assert ask(engine_at(NEWEST), models).release == NEWEST


def _unprivileged(python: str) -> str:
    """Run without root's right to read everything."""
    rights = "-dac_override,-dac_read_search"
    drop = "" if os.getuid() else f"setpriv --inh-caps={rights} --bounding-set={rights} "
    return f'exec {drop}{python} "$@"'


class TestInterpreter:
    def test_our_own_by_default(self, fake_engine: Callable[..., str], models: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(sys, "executable", fake_engine())
        assert ask(None, models).release == "1.2.3"

    def test_without_the_package(self, models: Path, tmp_path: Path):
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
        python = tmp_path / "venv" / "bin" / "python"
        with pytest.raises(EngineError, match=rf"^{python}: aspose-ocr-python-net is not installed there"):
            ask(str(python), models)

    def test_relative_path_is_relative_to_the_caller(
        self, fake_engine: Callable[..., str], models: Path, monkeypatch: pytest.MonkeyPatch
    ):
        python = Path(fake_engine())
        monkeypatch.chdir(python.parent)
        assert ask("./python", models).release == "1.2.3"

    def test_missing(self, tmp_path: Path):
        with pytest.raises(EngineError, match=rf"^{tmp_path}/none: cannot be started: no such file"):
            EngineChild.start(f"{tmp_path}/none", LONG)

    def test_not_executable(self, tmp_path: Path):
        (tmp_path / "python").touch(mode=0o644)
        with pytest.raises(EngineError, match="it is not executable"):
            EngineChild.start(f"{tmp_path}/python", LONG)

    def test_directory(self, tmp_path: Path):
        with pytest.raises(EngineError, match="it is a directory"):
            EngineChild.start(str(tmp_path), LONG)

    def test_not_a_program(self, tmp_path: Path):
        (tmp_path / "python").write_bytes(b"\x7fELF nonsense")
        (tmp_path / "python").chmod(0o755)
        with pytest.raises(EngineError, match="Exec format error"):
            EngineChild.start(f"{tmp_path}/python", LONG)

    def test_interpreter_behind_a_missing_hash_bang(self, tmp_path: Path):
        (tmp_path / "python").write_text("#!/nowhere/sh\n")
        (tmp_path / "python").chmod(0o755)
        with pytest.raises(EngineError, match="first line"):
            EngineChild.start(f"{tmp_path}/python", LONG)

    @pytest.mark.parametrize("python", ["", "a\0b"])
    def test_impossible(self, python: str):
        with pytest.raises(EngineError, match="is not an interpreter"):
            EngineChild.start(python, LONG)

    def test_not_python(self, models: Path):
        with pytest.raises(EngineError, match=r"not complete JSON; check that `engine.python` names a Python"):
            ask("/bin/echo", models)

    def test_no_temporary_directory(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
        with pytest.raises(EngineError, match=rf"^{tmp_path}/none/.*cannot be created.*set TMPDIR"):
            EngineChild.start(sys.executable, LONG)


class TestFaults:
    @pytest.mark.parametrize("error", [AttributeError("on macOS"), PermissionError(1, "in a sandbox")])
    def test_exit_is_awaited_where_processes_have_no_descriptors(
        self, fake_engine: Callable[..., str], models: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
    ):
        def refuse(_: int) -> int:
            raise error

        monkeypatch.setattr(os, "pidfd_open", refuse, raising=False)
        assert ask(fake_engine(), models).release == "1.2.3"

    def test_hanging_child_is_killed_with_its_descendants(self, stand_in: StandIn, models: Path, tmp_path: Path):
        python = stand_in(f"sleep 1000 & echo $! > {tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid; wait")
        with EngineChild.start(python, LONG) as child:
            wait_until((tmp_path / "pid").exists)
            child._deadline = 0
            with pytest.raises(EngineError, match=r"did not answer and exit within 120 s and was killed; raise"):
                child.ask(str(models), "/")
        wait_until(lambda: is_gone(int((tmp_path / "pid").read_text())))

    def test_time_out(self, stand_in: StandIn, models: Path):
        with pytest.raises(EngineError, match=r"within 0\.3 s"):
            ask(stand_in("exec sleep 1000"), models, timeout=0.3)

    def test_child_that_answers_and_does_not_exit(self, stand_in: StandIn, models: Path):
        with pytest.raises(EngineError, match=r"did not answer and exit within 0\.3 s"):
            ask(stand_in("echo '{}'; exec >&-; exec sleep 1000"), models, timeout=0.3)

    def test_child_that_never_stops_talking(self, stand_in: StandIn, models: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(client, "MAX_ANSWER", 1 << 20)
        with pytest.raises(EngineError, match="more than 1048576 bytes and was killed"):
            ask(stand_in("exec cat /dev/zero"), models)

    def test_endless_stderr_is_bounded(self, stand_in: StandIn, models: Path):
        script = "head -c 3000000 /dev/zero | tr '\\0' x >&2; echo >&2; echo last >&2; exit 3"
        with pytest.raises(EngineError, match="ended with code 3") as caught:
            ask(stand_in(script), models)
        assert str(caught.value).endswith("stderr: last")
        assert len(str(caught.value)) < 2 * client.STDERR_KEPT

    def test_killed_child(self, stand_in: StandIn, models: Path):
        with pytest.raises(EngineError, match=r"killed by SIGKILL \(code -9\); look for the out-of-memory killer"):
            ask(stand_in("kill -9 $$"), models)

    @pytest.mark.parametrize(
        "answer", ['{"protocol": 1, "rel', "[]", "null", '{"protocol": 1}', '{"protocol": 2}', "x", ""]
    )
    def test_garbage(self, stand_in: StandIn, models: Path, answer: str):
        with pytest.raises(EngineError, match=r"answer|protocol 2, not 1"):
            ask(stand_in(f"printf %s {shlex.quote(answer)}; cat > /dev/null"), models)

    @pytest.mark.parametrize("directory", ["relative", "/nul\0", "/" + "x" * 5000])
    def test_impossible_directory(self, fake_engine: Callable[..., str], directory: str):
        with pytest.raises(ModelDirectoryError, match="correct `modelPath`"):
            ask(fake_engine(), directory)

    def test_nobody_asks(self, fake_engine: Callable[..., str]):
        with EngineChild.start(fake_engine(), LONG) as child:
            child.cancel()
            child.cancel()

    def test_interrupted_parent_takes_the_child_along(self, stand_in: StandIn, tmp_path: Path):
        script = f"import tempfile; tempfile.tempdir = {str(tmp_path / 'tmp')!r}\n" + _ASKING
        python = stand_in(f"echo $$ > {tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid; exec sleep 1000")
        with subprocess.Popen([sys.executable, "-c", script, python], stderr=subprocess.PIPE) as parent:
            wait_until((tmp_path / "pid").exists)
            parent.send_signal(signal.SIGINT)
            _, error = parent.communicate()
        assert b"KeyboardInterrupt" in error
        assert is_gone(int((tmp_path / "pid").read_text()))

    @pytest.mark.parametrize(("parent_does", "then"), [("_STARTING", "pass"), ("_ASKING", "list")])
    def test_child_of_a_killed_parent_goes_away(
        self, fake_engine: Callable[..., str], tmp_path: Path, parent_does: str, then: str
    ):
        """Before it was asked, and while it lists; its private directory goes with it."""
        script = f"import tempfile; tempfile.tempdir = {str(tmp_path / 'tmp')!r}\n" + globals()[parent_does]
        os.mkfifo(tmp_path / "go on")
        python = fake_engine(_TELLS_ITS_PID.format(pid=str(tmp_path / "pid"), wait=str(tmp_path / "go on"), then=then))
        with subprocess.Popen([sys.executable, "-c", script, python]) as parent:
            wait_until((tmp_path / "pid").exists)
            parent.kill()
        if then == "list":
            (tmp_path / "go on").write_text("")
        wait_until(lambda: is_gone(int((tmp_path / "pid").read_text())))


_TELLS_ITS_PID = """
import os
def tell():
    open({pid!r} + ".new", "w").write(str(os.getpid()))
    os.rename({pid!r} + ".new", {pid!r})
class AsposeAI(AsposeAI):
    def list_local(self):
        if {then!r} == "list" and os.path.islink("Aspose.AI.LLM/models"):
            tell()
            open({wait!r}).close()
        return []
if {then!r} != "list":
    tell()
"""
_ASKING = """
import sys
from reconciler.engine.client import EngineChild
with EngineChild.start(sys.argv[1], 600) as child:
    child.ask("/", "/")
"""
_STARTING = """
import sys, time
from reconciler.engine.client import EngineChild
with EngineChild.start(sys.argv[1], 600) as child:
    time.sleep(600)
"""
