"""The process that runs the rules: one JSON line in, one out. A crash of the engine costs a check, not a worker."""

from __future__ import annotations

import base64
import json
import re
import sys
from pathlib import Path
from typing import Any

_FAILED = re.compile(
    r"<svrl:failed-assert\b(?P<attributes>[^>]*)>.*?<svrl:text>(?P<text>.*?)</svrl:text>", re.DOTALL
)
_ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')


class Engine:
    """Compiled stylesheets of one process."""

    def __init__(self) -> None:
        from saxonche import PySaxonProcessor

        self._processor = PySaxonProcessor(license=False)
        self._compiled: dict[str, Any] = {}

    def run(self, stylesheet: str, xml: bytes) -> dict[str, Any]:
        """What the rules of a stylesheet say: how many fired, and the assertions that failed."""
        if stylesheet not in self._compiled:
            compiler = self._processor.new_xslt30_processor()
            self._compiled[stylesheet] = compiler.compile_stylesheet(stylesheet_file=stylesheet)
        node = self._processor.parse_xml(xml_text=xml.decode("utf-8-sig"))
        report = self._compiled[stylesheet].transform_to_string(xdm_node=node) or ""
        failed = []
        for found in _FAILED.finditer(report):
            attributes = dict(_ATTRIBUTE.findall(found["attributes"]))
            failed.append(
                {
                    "id": attributes.get("id", ""),
                    "flag": attributes.get("flag", "fatal"),
                    "text": " ".join(re.sub(r"<[^>]+>", "", found["text"]).split())[:500],
                }
            )
        return {"fired": report.count("<svrl:fired-rule"), "failed": failed}


def main() -> None:
    """Answer until standard input closes."""
    engine = Engine()
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = engine.run(str(Path(asked["stylesheet"])), base64.b64decode(asked["xml"]))
        except Exception as error:  # noqa: BLE001 - whatever it was, the check failed and the process goes on
            answer = {"error": f"{type(error).__name__}: {str(error)[:300]}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
