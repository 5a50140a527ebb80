"""The process that runs the rules: one JSON line in, one out. A crash of the engine costs a check, not a worker.

Asked: {"stylesheet": path, "codes": path or null, "xml": text}. Answered: {"fired": n, "failed": [{"id", "flag",
"location", "text"}]}, or {"error": words}. It ends when its standard input closes, and kills itself when one
document takes too long: its parent may be gone by then.
"""

from __future__ import annotations

import json
import re
import signal
import sys
from pathlib import Path
from typing import Any

SECONDS_A_DOCUMENT = 60
FINDINGS_LIMIT = 200
"""Failures that are answered for one document, the fatal ones first."""
_PROTOCOLS = "http://saxon.sf.net/feature/allowedProtocols"
_SVRL = "{http://purl.oclc.org/dsdl/svrl}"
_FAILED = (f"{_SVRL}failed-assert", f"{_SVRL}successful-report")
_REPORT = f"{_SVRL}successful-report"
_DECLARATION = re.compile(r"^\s*<\?xml.*?\?>", re.DOTALL)


class Engine:
    """Compiled stylesheets of one process."""

    def __init__(self) -> None:
        from saxonche import PySaxonProcessor

        self._processor = PySaxonProcessor(license=False)
        # nothing in a document or a stylesheet may open a file or an address
        self._processor.set_configuration_property(_PROTOCOLS, "")
        self._compiled: dict[str, Any] = {}

    def run(self, stylesheet: str, codes: str | None, xml: str) -> dict[str, Any]:
        """What the rules of a stylesheet say: how many fired, and what the document breaks."""
        if stylesheet not in self._compiled:
            compiler = self._processor.new_xslt30_processor()
            self._compiled[stylesheet] = compiler.compile_stylesheet(
                stylesheet_text=source(Path(stylesheet), Path(codes) if codes else None)
            )
        node = self._processor.parse_xml(xml_text=xml)
        return read_report(self._compiled[stylesheet].transform_to_string(xdm_node=node) or "")


def source(stylesheet: Path, codes: Path | None) -> str:
    """A stylesheet as text; the code lists that it opens as a file stand in it, for no file may be opened."""
    text = stylesheet.read_text(encoding="utf-8")
    if codes is None:
        return text
    lists = _DECLARATION.sub("", codes.read_text(encoding="utf-8"))
    text = text.replace(f"document('{codes.name}')", "$code-lists")
    head, end, _ = text.rpartition("</xsl:stylesheet>")
    return f'{head}<xsl:variable name="code-lists">{lists}</xsl:variable>{end}'


def read_report(report: str) -> dict[str, Any]:
    """A report in SVRL as the answer's parts."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    root = etree.fromstring(report.encode(), parser)
    failed = [
        {
            "id": found.get("id", ""),
            "flag": found.get("flag") or ("warning" if found.tag == _REPORT else "fatal"),
            "location": found.get("location", ""),
            "text": " ".join("".join(found.itertext()).split())[:1000],
        }
        for found in root.iter(*_FAILED)
    ]
    failed.sort(key=lambda item: item["flag"] == "warning")
    fired = sum(1 for _ in root.iter(f"{_SVRL}fired-rule"))
    return {"fired": fired, "failed": failed[:FINDINGS_LIMIT]}


def main(seconds: int = SECONDS_A_DOCUMENT) -> None:
    """Answer until standard input closes; a document that takes longer than `seconds` ends the process."""
    engine = Engine()
    for line in sys.stdin.buffer:
        if hasattr(signal, "alarm"):
            signal.alarm(seconds)
        try:
            asked = json.loads(line)
            answer = engine.run(asked["stylesheet"], asked["codes"], asked["xml"])
        except Exception as error:  # noqa: BLE001 - whatever it was, the check failed and the process goes on
            answer = {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
        if hasattr(signal, "alarm"):
            signal.alarm(0)


if __name__ == "__main__":
    main()
