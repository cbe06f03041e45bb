"""The report page, read in a real browser as a person would: what stands on it is what the JSON says."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from reconciler.names import printable
from reconciler.quantities import both_sizes, human_size
from reconciler.report.html import plan_page
from reconciler.report.rows import STATUS
from reconciler.report.run_rows import FATES
from tests.cli.browser import CHROMIUM, DRIVER, Browser, started
from tests.cli.conftest import Run, environment, write_manifest
from tests.planning.build import file, inventory, manifest, plan

HOSTILE = (
    "new\nline.bin",
    "x</script><img src=y onerror=alert(1)>.bin",
    "<!--<script>.bin",
    "\u202egnp.bin",
    "separator\u2028.bin",
    "raw\udcff.bin",
    "\x1b[31mred.bin",
    "&lt;b&gt;.bin",
    "'\"`${7*7}{{7*7}}.bin",
    "__proto__.bin",
)
_browsers = pytest.mark.skipif(
    not (CHROMIUM and DRIVER),
    reason="needs a browser; on Debian: apt-get install chromium chromium-driver",
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with started(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def browser(shared: Browser) -> Iterator[Browser]:
    """A browser whose page must not have complained, nor asked for anything but itself, when the test is over."""
    yield shared
    assert shared.complaints() == []
    (address,) = shared.requests()
    assert address.startswith("file://")


@pytest.fixture
def hostile(site: Path) -> Path:
    """Models of many sizes, kept, protected, old, missing, and old ones whose names try to be more than names."""
    for number, name in enumerate(HOSTILE):
        target = site / "models" / name
        target.parent.mkdir(exist_ok=True)
        write(target, 1000 * (number + 1))
    write(site / "models" / "en.bin", 5 * 2**20)
    write(site / "models" / "layout.onnx", 3 * 2**20)
    write(site / "models" / "old_fr.bin", 2 * 2**20)
    os.link(site / "models" / "old_fr.bin", site / "models" / "twin.bin")
    (site / "models" / "README.md").write_text("not a model")
    rules = "  limits: {maxDeletePercent: 100}\n  protect: [layout.onnx]\n  allow: [en.bin, absent.bin]\n"
    write_manifest(site, rules)
    return site


def write(path: Path, size: int) -> None:
    with open(path, "wb") as stream:
        stream.truncate(size)


def told(run: Run, *arguments: str) -> Any:
    return json.loads(run(*arguments, "--format", "json").stdout)


def made(run: Run, site: Path, *arguments: str) -> Path:
    done = run("report", "--html", "out.html", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    size = human_size((site / "out.html").stat().st_size)
    assert done.stdout == f"The page is in out.html, {size}; open it in a browser\n"
    return site / "out.html"


def figures(browser: Browser) -> dict[str, tuple[str, str]]:
    numbers, units, whole = (browser.texts(f".figures {part}") for part in ("strong", "span", "li"))
    exact = [text.partition(unit)[2].strip() for text, unit in zip(whole, units, strict=True)]
    return dict(zip(units, zip(numbers, exact, strict=True), strict=True))


def table(browser: Browser) -> list[list[str]]:
    read = (
        "return [...document.querySelectorAll('#models tbody tr')]"
        ".map((row) => [...row.children].map((cell) => cell.textContent))"
    )
    rows: list[list[str]] = browser.run(read)
    return rows


def names(browser: Browser) -> list[str]:
    return [row[2] for row in table(browser)]


@_browsers
class TestPlan:
    @pytest.fixture
    def document(self, run: Run, hostile: Path, browser: Browser) -> Any:
        """The page is open; this is what `audit` prints of the same."""
        browser.open(made(run, hostile, "-f", "models.yaml"))
        return told(run, "audit", "-f", "models.yaml")

    def test_its_numbers_are_those_of_the_json(self, document: Any, browser: Browser) -> None:
        summary = document["summary"]
        size = summary["bytes_to_delete"]
        assert figures(browser) == {
            "to delete": (str(summary["counts"]["delete"]), ""),
            "to come free": (human_size(size), f"{size:,} bytes"),
            "models in all": (str(len(document["plan"]["models"])), ""),
        }
        assert browser.one("#outcome").text == document["outcome"] == "changes"
        old = next(text for text in browser.texts("#states button") if text.startswith("OLD"))
        assert old.split("\n")[-1] == f"{summary['counts']['delete']} · {human_size(size)}"  # hard links count once

    def test_its_rows_are_those_of_the_json(self, document: Any, browser: Browser) -> None:
        def row(model: Any) -> list[str]:
            place = "{}:{}:{}".format(*model["place"]) if model["place"] else ""
            size = human_size(model["evidence"]["size"]) if model["evidence"] else "-"
            return [STATUS[model["verdict"]], size, printable(model["name"]), printable(model["reason"]), place]

        assert sorted(table(browser)) == sorted(map(row, document["plan"]["models"]))

    @pytest.mark.usefixtures("document")
    def test_hostile_names_stay_text(self, browser: Browser) -> None:
        shown = browser.texts("#models .name")
        assert {printable(name) for name in HOSTILE} <= set(shown)
        for kind in ("img", "#models script", "b", "iframe"):
            assert browser.all(kind) == []
        assert len(browser.all("script")) == 3
        tiles = [tile.get_attribute("aria-label") or "" for tile in browser.all(".tile")]
        assert any(printable(HOSTILE[1]) in tile for tile in tiles)
        assert not re.search("[\u202e\u2028\x1b\udcff]", browser.run("return document.documentElement.textContent"))

    def test_the_treemap_has_a_tile_for_each_size(self, document: Any, browser: Browser) -> None:
        sizes = {m["name"]: m["evidence"]["size"] for m in document["plan"]["models"] if m["evidence"]}
        del sizes["twin.bin"]  # the other name of old_fr.bin
        labels = [tile.get_attribute("aria-label") or "" for tile in browser.all(".tile")]
        assert len(labels) == len(sizes)
        for name, size in sizes.items():
            assert sum(f": {printable(name)}, {both_sizes(size)}" in label for label in labels) == 1
        areas = browser.run(
            "return Object.fromEntries([...document.querySelectorAll('.tile')]"
            ".map((tile) => [tile.firstChild.textContent, tile.offsetWidth * tile.offsetHeight]))"
        )
        assert areas["en.bin"] > areas["layout.onnx"] > areas["old_fr.bin"] > areas["raw\\xff.bin"]

    def test_the_filter(self, document: Any, browser: Browser) -> None:
        browser.one("#filter").send_keys("OLD_")
        assert names(browser) == ["old_fr.bin"]
        everything = len(document["plan"]["models"])
        assert browser.one("#shown").text == f"1 model, {both_sizes(2 * 2**20)}; {everything} models in all"
        assert len(browser.all(".tile:not(.other)")) == 1
        browser.one("#filter").clear()
        browser.one("#filter").send_keys("protected by")
        assert names(browser) == ["layout.onnx"]
        browser.one("#filter").clear()
        browser.one("#filter").send_keys("no such model")
        assert (names(browser), browser.one("#shown").text[:9]) == ([], "0 models,")

    def test_the_states_filter_as_well(self, document: Any, browser: Browser) -> None:
        counts = document["summary"]["counts"]
        buttons = {button.text.split()[0]: button for button in browser.all("#states button")}
        assert set(buttons) == {STATUS[verdict] for verdict, count in counts.items() if count}
        buttons["PROTECTED"].click()
        assert names(browser) == ["layout.onnx"]
        buttons["OLD"].click()
        assert len(names(browser)) == counts["protected"] + counts["delete"]
        assert buttons["OLD"].get_attribute("aria-pressed") == "true"
        buttons["PROTECTED"].click()
        buttons["OLD"].click()
        assert len(names(browser)) == len(document["plan"]["models"])

    def test_sorting(self, document: Any, browser: Browser) -> None:
        sizes = [m["evidence"]["size"] if m["evidence"] else -1 for m in document["plan"]["models"]]
        by_size, by_name = browser.all("th button")[1:3]
        for direction in ("descending", "ascending"):
            by_size.click()
            assert browser.one("[aria-sort]").get_attribute("aria-sort") == direction
            shown = [row[1] for row in table(browser)]
            expected = sorted(sizes, reverse=direction == "descending")
            assert shown == ["-" if size < 0 else human_size(size) for size in expected]
        by_name.click()
        assert [head.text for head in browser.all("[aria-sort]")] == ["Model"]
        everything = [printable(m["name"]) for m in document["plan"]["models"]]
        assert names(browser) == sorted(everything, key=lambda name: name.encode("utf-16-be"))

    @pytest.mark.usefixtures("document")
    def test_the_keyboard_reaches_everything(self, browser: Browser) -> None:
        assert browser.press(Keys.TAB).text == "Skip to the table"
        tile = browser.press(Keys.TAB)
        assert "en.bin" in (tile.get_attribute("aria-label") or "")
        assert browser.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
        assert browser.press(Keys.END) != tile
        assert browser.press(Keys.HOME) == tile
        tile = browser.press(Keys.ARROW_RIGHT)
        label = tile.get_attribute("aria-label")
        assert browser.one("#tile").text == label
        field = browser.press(Keys.ENTER)
        assert field.get_attribute("id") == "filter"
        assert names(browser) == [field.get_attribute("value")]
        assert f": {names(browser)[0]}, " in (label or "")
        assert browser.press(Keys.ESCAPE).get_attribute("value") == ""
        state = browser.press(Keys.TAB)
        assert browser.press(Keys.SPACE).get_attribute("aria-pressed") == "true"
        assert {row[0] for row in table(browser)} == {state.text.split()[0]}
        seen = [browser.press(Keys.TAB).text for _ in range(12)]
        assert [text for text in seen if text in {"Status", "Size", "Model", "Why", "Rule"}] == [
            "Status", "Size", "Model", "Why", "Rule",
        ]  # fmt: skip

    @pytest.mark.usefixtures("document")
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_light_and_dark_can_be_read(self, browser: Browser, hostile: Path, scheme: str) -> None:
        browser.open(hostile / "out.html", scheme)
        assert (luminance(color(browser, "body", "backgroundColor")) > 0.5) == (scheme == "light")
        for selector in ("body", "h2", ".facts dt", ".note", ".place"):
            ground = color(browser, "section", "backgroundColor")
            assert contrast(color(browser, selector, "color"), ground) >= 4.5, selector
        for state in STATUS:
            style = (
                "const made = document.createElement('span'); made.className = `pill ${arguments[0]}`;"
                "document.body.append(made); const style = getComputedStyle(made);"
                "const told = [style.color, style.backgroundColor]; made.remove(); return told"
            )
            assert contrast(*map(rgb, browser.run(style, state.value))) >= 4.5, state

    @pytest.mark.usefixtures("document")
    def test_nothing_is_wider_than_a_phone(self, browser: Browser, hostile: Path) -> None:
        phone = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
        browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
        try:
            browser.open(hostile / "out.html")
            assert browser.run("return document.documentElement.scrollWidth") <= 390
        finally:
            browser.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@_browsers
def test_a_plan_file_gives_the_same_page(run: Run, hostile: Path, browser: Browser) -> None:
    document = told(run, "plan", "-f", "models.yaml", "--out", "plan.json")
    browser.open(made(run, hostile, "plan.json"))
    assert document["digest"] in browser.texts(".facts dd")
    assert len(names(browser)) == len(document["plan"]["models"])


@_browsers
def test_a_blocked_plan_says_so(run: Run, hostile: Path, browser: Browser) -> None:
    write_manifest(hostile, "  allow: [en.bin]\n")
    browser.open(made(run, hostile, "-f", "models.yaml"))
    document = told(run, "audit", "-f", "models.yaml")
    assert browser.one("#outcome").text == document["outcome"] == "blocked"
    guards = [f"Blocked by guard {guard['name']}: {guard['message']}" for guard in document["plan"]["guards"]]
    assert browser.texts(".alerts li") == guards


@_browsers
def test_many_models_are_never_cut_silently(tmp_path: Path, browser: Browser) -> None:
    files = [file(f"m{number:04}.bin", 1000 + number) for number in range(1000)]
    (tmp_path / "page.html").write_text(plan_page(plan(manifest(), inventory(*files)), [], base="/"))
    browser.open(tmp_path / "page.html")
    assert len(names(browser)) == 200
    assert browser.one("#more").text == "Show 200 more; 800 are not shown"
    browser.one("#more").click()
    assert len(names(browser)) == 400
    tiles = browser.all(".tile")
    assert len(tiles) == 401
    rest = sum(file.size for file in files[:600])
    assert f"OLD: 600 models, each smaller, {both_sizes(rest)}" in {t.get_attribute("aria-label") for t in tiles}
    browser.one("#filter").send_keys("m0999")
    assert (names(browser), browser.one("#more").is_displayed()) == (["m0999.bin"], False)


@_browsers
def test_an_empty_history(run: Run, site: Path, browser: Browser) -> None:
    browser.open(made(run, site, "--models", "models"))
    assert sorted(names(browser)) == ["en.bin", "old_fr.bin"]
    assert figures(browser) == {
        "runs": ("0", ""),
        "removed": ("0", ""),
        "came free": ("0 B", "0 bytes, expected 0 bytes"),
        "there now": ("10 B", "2 files"),
    }
    assert browser.all("#timeline") == []


@_browsers
def test_the_history_and_one_run(run: Run, hostile: Path, browser: Browser) -> None:
    for number in range(2):
        write(hostile / "models" / f"late{number}.bin", 0)
        (hostile / "models" / f"late{number}.bin").write_bytes(os.urandom(70_000))
        assert run("apply", "-f", "models.yaml", "--yes").returncode == 0
    document = told(run, "history", "--models", "models")
    runs = document["runs"]
    browser.open(made(run, hostile, "--models", "models"))
    freed = sum(max(0, entry["freed"]["measured"]) for entry in runs)
    expected = sum(entry["freed"]["expected"] for entry in runs)
    now = told(run, "list", "--models", "models", "--no-engine")["files"]
    assert figures(browser) == {
        "runs": ("2", ""),
        "removed": (str(sum(len(entry["models"]) for entry in runs)), ""),
        "came free": (human_size(freed), f"{freed:,} bytes, expected {expected:,} bytes"),
        "there now": (human_size(sum(file["size"] for file in now)), f"{len(now)} files"),
    }
    models = [(m["fate"], m["name"], m["evidence"]["size"], entry["id"]) for entry in runs for m in entry["models"]]
    models += [("present", file["name"], file["size"], "") for file in now]
    words = {"present": "there now", **{fate.value: word for fate, word in FATES.items()}}
    shown = sorted((row[0], row[2], row[1], row[3]) for row in table(browser))
    assert shown == sorted((words[fate], printable(n), human_size(size), run_id) for fate, n, size, run_id in models)
    assert [row.split("\t")[0] for row in browser.texts("#runs tbody tr")] == [entry["id"] for entry in runs]
    dots = browser.run("return [...document.querySelectorAll('#timeline title')].map((title) => title.textContent)")
    total = 0
    for dot, entry in zip(dots, runs, strict=True):
        freed = max(0, entry["freed"]["measured"])
        total += freed
        assert dot == f"{entry['id']}, apply: {freed:,} bytes freed, {total:,} bytes in all"
    one = runs[0]
    browser.open(made(run, hostile, "--models", "models", one["id"]))
    assert browser.one("#outcome").text == one["state"] == "purged"
    assert sorted(names(browser)) == sorted(printable(m["name"]) for m in one["models"])
    assert one["digest"] in browser.texts(".facts dd")


@_browsers
def test_the_page_could_not_ask_for_anything(run: Run, site: Path, shared: Browser) -> None:
    shared.open(made(run, site, "-f", "models.yaml"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
        tried = shared.driver.execute_async_script(
            "const [address, done] = arguments; const image = new Image(); let markup = 'parsed';"
            "try { document.body.insertAdjacentHTML('beforeend', '<b>'); } catch (error) { markup = error.name; }"
            "image.onerror = () => fetch(address).then(() => done('came through'), () => done(markup));"
            "image.src = address;",
            address,
        )
        assert tried == "TypeError"
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert any("Content Security Policy" in complaint for complaint in shared.complaints())


class TestCommand:
    @pytest.mark.parametrize(
        "arguments", [[], ["plan.json", "-f", "models.yaml"], ["--models", "models", "-f", "models.yaml"]]
    )
    def test_what_to_show_must_be_clear(self, run: Run, site: Path, arguments: list[str]) -> None:
        done = run("report", "--html", "out.html", *arguments)
        assert done.returncode == 64
        assert "name one of: -f MANIFEST, PLAN.json, or --models DIR with or without a RUN" in done.stderr
        assert not (site / "out.html").exists()

    def test_a_configured_manifest_is_not_forced_on_a_directory(self, run: Run, site: Path) -> None:
        done = run("report", "--html", "out.html", "--models", "models", env={"OCR_RECONCILE_FILE": "models.yaml"})
        assert (done.returncode, done.stderr) == (0, "")
        assert "<h1>History of " in (site / "out.html").read_text()

    def test_without_the_extra(self, site: Path) -> None:
        code = "import sys; sys.modules['jinja2'] = None; from reconciler.cli import main; main()"
        command = [sys.executable, "-c", code, "report", "--html", "out.html", "-f", "models.yaml"]
        done = subprocess.run(command, cwd=site, env=environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 64
        assert (
            done.stderr
            == "error: report: Jinja2 is not installed; install it with: pip install 'ocr-reconcile[report]'\n"
        )
        assert not (site / "out.html").exists()

    @pytest.mark.usefixtures("site")
    def test_a_page_that_cannot_be_written(self, run: Run) -> None:
        done = run("report", "--html", "models", "-f", "models.yaml")
        assert done.returncode == 64
        assert "models: not a regular file; name a file to write the page to" in done.stderr


def rgb(text: str) -> tuple[float, ...]:
    return tuple(float(part) / 255 for part in re.findall(r"[\d.]+", text)[:3])


def color(browser: Browser, selector: str, name: str) -> tuple[float, ...]:
    read = "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]"
    return rgb(browser.run(read, selector, name))


def luminance(parts: tuple[float, ...]) -> float:
    """The relative luminance of WCAG 2.2."""
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


class TestDamage:
    """A history that is damaged: one error, or a page that says so."""

    @pytest.fixture
    def journal(self, run: Run, site: Path) -> Path:
        for name in ("one.bin", "two.bin"):
            (site / "models" / name).write_bytes(b"model")
            assert run("apply", "-f", "models.yaml", "--yes").returncode == 0
        return min((site / "models/.ocr-reconcile/runs").glob("*/journal"))

    def test_what_cannot_be_read_is_one_error(self, run: Run, journal: Path, site: Path) -> None:
        journal.write_bytes(b"\n" + journal.read_bytes())
        done = run("report", "--html", "page.html", "--models", "models")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (7, "", 1)
        assert done.stderr.startswith(f"error: {journal.parent.name}: record 1 of the journal is damaged")
        assert not (site / "page.html").exists()

    def test_a_plan_is_shown_without_its_history(self, run: Run, journal: Path, site: Path) -> None:
        journal.write_bytes(b"\n" + journal.read_bytes())
        text = made(run, site, "-f", "models.yaml").read_text()
        assert f"<li>What was done before is not shown: {journal.parent.name}: record 1" in text

    def test_what_was_cut_off_is_said(self, run: Run, journal: Path, site: Path) -> None:
        journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-1]))
        text = made(run, site, "--models", "models").read_text()
        assert f"<li>The history is damaged: {journal.parent.name}: the journal has no end" in text
        assert run("history", "--models", "models", "--verify").returncode == 7

    def test_models_that_cannot_be_read_are_said(self, journal: Path, site: Path) -> None:
        assert journal.exists()
        (site / "models/closed").mkdir(mode=0)
        drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
        command = [*drop, sys.executable, "-m", "reconciler", "report", "--html", "page.html", "--models", "models"]
        done = subprocess.run(command, cwd=site, capture_output=True, text=True, check=False)
        (site / "models/closed").chmod(0o700)
        assert done.returncode == 0, done.stderr
        assert "<li>What is there now is not shown: " in (site / "page.html").read_text()
