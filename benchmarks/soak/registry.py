"""Every proof there is: a line each."""

from __future__ import annotations

from benchmarks.soak.deaths import play_deaths
from benchmarks.soak.events import ROUNDS as EVENT_ROUNDS
from benchmarks.soak.events import play_events
from benchmarks.soak.kills import play_kills
from benchmarks.soak.lost_answers import play_lost_answers
from benchmarks.soak.proof import Proof
from benchmarks.soak.sessions import play_sessions
from benchmarks.soak.state_machine import ROUNDS, play_state_machine

PROOFS: tuple[Proof, ...] = (
    Proof("kills", 50, play_kills),
    Proof("deaths", 10, play_deaths),
    Proof("lost answers", 2, play_lost_answers),
    Proof("sessions", 20, play_sessions),
    Proof("events", EVENT_ROUNDS, play_events),
    Proof("state machine", ROUNDS, play_state_machine),
)
