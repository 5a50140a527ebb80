"""Forty hostile strings: what others put into texts to steer a terminal, or to break whoever shows them."""

from __future__ import annotations

HOSTILE: tuple[str, ...] = (
    "\x1b]0;6666pwn\x07",  # window title
    "\x1b]2;6666pwn\x1b\\",
    "\x1b]52;c;NjY2Ng==\x07",  # clipboard
    "\x1b]8;;http://6666.example\x1b\\link\x1b]8;;\x1b\\",  # hyperlink
    "\x1b]1337;File=name=6666:NjY2Ng==\x07",
    "\x1b]4;1;rgb:66/66/66\x07",
    "\x1b]0;6666 never ends",
    "\x1b[2J\x1b[H6666",
    "\x1b[6666;6666H",
    "\x1b[31;6666m",
    "\x1b[?1049l",  # leave the alternate screen
    "\x1b[?1000h\x1b[?1003h\x1b[?1006h",  # mouse
    "\x1b[?25l\x1b[?7l",
    "\x1b[6n\x1b[c\x1b[>c\x1b[=c",  # asks the terminal to answer
    "\x1b[21t\x1b[18t",  # reports the title
    "\x1bP$q6666m\x1b\\",  # DCS
    "\x1b_Gf=100,a=T;6666\x1b\\",  # APC, pictures
    "\x1b^6666\x1b\\\x1bX6666\x1b\\",
    "\x1bc\x1b7\x1b8\x1b#8",  # reset, save, restore, fill
    "\x1b(0lqqk\x1b(B\x0e\x0f",  # line drawing
    "\x1b",
    "\x1b[",
    "\x9b31;6666m\x9d0;6666\x9c",  # the same in C1
    "\x90q6666\x9c\x9e6666\x9c\x9f6666\x9c\x85\x84\x8d",
    "\x00\x01\x02\x03\x04\x05\x06\x07\x08",
    "\x0b\x0c\r\x1a\x1c\x1d\x1e\x1f\x7f",
    "over\rwritten\b\b\b\b\bhidden",
    "one\ntwo\r\nthree\n\n\n\tfour",
    "\u202e6666\u202d\u202c\u2066\u2067\u2068\u2069",  # bidi
    "\u200e\u200f\u061c\u200b\u200c\u200d\u2060\ufeff\u00ad",
    "\u2028\u2029\u0085\u000b",
    "\U000e0041\U000e0042\ufff9\ufffa\ufffb\u3164",  # tags, annotations, a filler
    "[bold red]6666[/] [/] [/nothing] [",
    "[@click=app.quit]quit[/] [link=http://6666.example]x[/link] [on red",
    "\\[escaped] \\\\[ ${jndi:ldap://6666} %s %n {0} {{x}} <b>6666</b> &lt;",
    "a" + "\u0301" * 300 + "Z\u0310\u0335\u0489" * 40,  # combining
    "long " * 4_000,
    "W" * 20_000,
    "\ud83d \udc80 \ud800\udfff",  # halves of pairs
    "\U0001f469\u200d\U0001f4bb\U0001f3f3\ufe0f\u200d\U0001f308\uff37\ufdfd\u0bcc e\u0301 \u1112\u1161\u11ab",
)
