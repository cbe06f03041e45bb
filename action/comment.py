"""Keep one comment on the pull request up to date: `comment.py PAGE.md`.

The page's first line is its marker; the comment of ours that begins with it is updated in place, and where there is
none yet, one is written. Standard library only. Reads GITHUB_API_URL, GITHUB_REPOSITORY, GITHUB_EVENT_PATH and TOKEN.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from typing import Any

_PAGE = 100
_TIMEOUT = 30.0


def main(path: str) -> int:
    """Write the comment; what GitHub refuses is told as a warning, and does not fail the plan."""
    with open(path, encoding="utf-8") as file:
        body = file.read()
    with open(os.environ["GITHUB_EVENT_PATH"], encoding="utf-8") as file:
        number = json.load(file)["pull_request"]["number"]
    issue = f"repos/{os.environ['GITHUB_REPOSITORY']}/issues"
    try:
        found = _find(f"{issue}/{number}/comments", body.partition("\n")[0])
        if found is None:
            _call("POST", f"{issue}/{number}/comments", {"body": body})
        else:
            _call("PATCH", f"{issue}/comments/{found}", {"body": body})
    except urllib.error.HTTPError as error:
        hint = "; give the job the permission pull-requests: write" if error.code in {403, 404} else ""
        print(f"::warning::The comment could not be written: HTTP {error.code}{hint}")
    except OSError as error:
        print(f"::warning::The comment could not be written: {type(error).__name__}")
    return 0


def _find(comments: str, marker: str) -> int | None:
    """The comment with `marker`. One that a person wrote does not count: anybody can copy a marker."""
    page = 1
    while True:
        found = _call("GET", f"{comments}?per_page={_PAGE}&page={page}", None)
        for comment in found:
            if comment["user"]["type"] == "Bot" and comment["body"].partition("\n")[0].rstrip() == marker:
                return int(comment["id"])
        if len(found) < _PAGE:
            return None
        page += 1


def _call(method: str, path: str, body: dict[str, str] | None) -> Any:
    request = urllib.request.Request(  # noqa: S310  # the address is the runner's own
        f"{os.environ['GITHUB_API_URL']}/{path}",
        data=None if body is None else json.dumps(body).encode(),
        method=method,
        headers={"Authorization": f"Bearer {os.environ['TOKEN']}", "Accept": "application/vnd.github+json"},
    )
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
        return json.load(answer)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
