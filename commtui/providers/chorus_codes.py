"""What Chorus Pro's words mean: states of a flow, statuses of an invoice, last actions, and their tasks.

A flow is the file that was deposited, an invoice what came out of it. IN_REJETE (flow) and REJETEE (invoice) look
alike and are not: after the first no invoice exists, after the second its number is used up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from commtui.domain.vocabulary import Layer, Status
from commtui.providers.base import Task


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a state says, for the entry and for people."""

    layer: Layer
    words: str
    status: Status | None = Status.SENT
    """None: it moves nothing."""
    task: str = ""
    closes: tuple[str, ...] = ()
    final: bool = False
    """Nothing more is to be learnt after it."""


FILE_REFUSED, FLOW_BROKEN, FLOW_STALE = "file_refused", "flow_broken", "flow_stale"
NUMBER_TAKEN, RECYCLE, COMPLETE = "number_taken", "recycle", "complete"
INVOICE_REFUSED, INSPECT = "invoice_refused", "inspect"

TASKS: Mapping[str, Task] = {
    FILE_REFUSED: Task(
        "Chorus Pro refused the file; no invoice was created.",
        "Have the document corrected at the source and send it again under the same number; the task closes "
        "when Chorus Pro has taken the new file.",
    ),
    FLOW_BROKEN: Task(
        "Chorus Pro could not process the file because of an incident of its own; no invoice was created.",
        "Send it again, unchanged and under the same number; the task closes when Chorus Pro has taken it.",
    ),
    FLOW_STALE: Task(
        "The file was deposited more than a day ago, and Chorus Pro has not said what became of it.",
        "Look the flow number up in the Chorus Pro portal, or ask its support. Do not deposit it again meanwhile; "
        "the task closes when Chorus Pro reports a result.",
    ),
    NUMBER_TAKEN: Task(
        "Chorus Pro refused the file because it has an invoice with this number already.",
        "Look at that invoice in the portal. If it is this one, nothing is to be sent: complete the task. "
        "If it is not, issue the invoice again with a new number.",
    ),
    RECYCLE: Task(
        "The invoice went to the wrong recipient, service or engagement; Chorus Pro gave it back.",
        "Correct the routing and recycle this same invoice in the Chorus Pro portal: a new deposit would be refused "
        "as a duplicate. The task closes when the invoice is on its way again.",
    ),
    COMPLETE: Task(
        "The recipient suspended the invoice: something is missing, such as a supporting document.",
        "Add what the comment asks for to this same invoice in the Chorus Pro portal; the task closes when "
        "Chorus Pro reports it as completed.",
    ),
    INVOICE_REFUSED: Task(
        "The recipient refused the invoice: its number is used up.",
        "Acknowledge the refusal in the portal, then issue a credit note and a new invoice with a new number; "
        "the task closes when the refusal is acknowledged.",
    ),
    INSPECT: Task(
        "Chorus Pro reports an error or a refusal on the invoice's way.",
        "Look at the invoice in the Chorus Pro portal and do what it asks for there; the task closes when the "
        "invoice goes on.",
    ),
}

_RESENT = (FILE_REFUSED, FLOW_BROKEN)
_ROUTED = (RECYCLE, INSPECT)
_GOES_ON = (*_ROUTED, COMPLETE)
_OVER = (*_GOES_ON, INVOICE_REFUSED)


def _flow(
    words: str,
    *,
    status: Status = Status.SENT,
    task: str = "",
    closes: tuple[str, ...] = (),
    final: bool = False,
) -> Meaning:
    return Meaning(Layer.TRANSPORT, words, status, task, closes, final)


_REFUSED_FILE = _flow(
    "Chorus Pro refused the file; no invoice was created.",
    status=Status.REJECTED,
    task=FILE_REFUSED,
    final=True,
)
FLOW: Mapping[str, Meaning] = {
    "IN_RECU": _flow("Received by Chorus Pro."),
    "IN_DEPOT_PORTAIL_EN_ATTENTE_TRAITEMENT_SE_CPP": _flow("Deposited, waits to be processed."),
    "IN_TRAITE_SE_CPP": _flow("Passed the entry server, on to Chorus Pro itself."),
    "IN_EN_ATTENTE_TRAITEMENT_CPP": _flow("Waits to be processed."),
    "IN_EN_COURS_TRAITEMENT_CPP": _flow("Being processed."),
    "IN_EN_ATTENTE_RETRAITEMENT_CPP": _flow("Stuck: waits to be processed once more."),
    "IN_INCIDENTE": _flow(
        "Not processed because of an incident at Chorus Pro; the file has to be deposited again.",
        status=Status.REJECTED,
        task=FLOW_BROKEN,
        final=True,
    ),
    "IN_REJETE": _REFUSED_FILE,
    "IN_INTEGRE_PARTIEL": _flow("Processed; some invoices of the file were refused."),
    "IN_INTEGRE": _flow("Processed: the invoice exists at Chorus Pro.", closes=_RESENT),
    "QP_IRRECEVABLE": _REFUSED_FILE,
    "QP_RECEVABLE": _flow("Found admissible.", closes=_RESENT),
    "QP_RECEVABLE_AVEC_ERREUR": _flow("Found admissible, with errors."),
}
"""`etatCourantDepotFlux` (reference: e-invoicing, section 1.5); Chorus Pro publishes no closed list."""
INTEGRATED = frozenset(
    {"IN_INTEGRE", "IN_INTEGRE_PARTIEL", "QP_RECEVABLE", "QP_RECEVABLE_AVEC_ERREUR"}
)
"""States after which invoices exist."""
PARTIAL = frozenset({"IN_INTEGRE_PARTIEL", "QP_RECEVABLE_AVEC_ERREUR"})
"""States in which the flow's list of errors says which of its invoices were refused."""
REFUSED_IN_PART = Meaning(
    Layer.TRANSPORT,
    "Chorus Pro refused this invoice of the file; it was not created.",
    Status.REJECTED,
    FILE_REFUSED,
    final=True,
)
TAKEN_IN_PART = Meaning(
    Layer.TRANSPORT, "Processed; this invoice of the file was taken.", closes=_RESENT
)


def _message(words: str, *, task: str = "", closes: tuple[str, ...] = ()) -> Meaning:
    return Meaning(Layer.MESSAGE, words, task=task, closes=closes)


def _business(
    words: str,
    *,
    status: Status | None = Status.SENT,
    task: str = "",
    closes: tuple[str, ...] = _GOES_ON,
    final: bool = False,
) -> Meaning:
    return Meaning(Layer.BUSINESS, words, status, task, closes, final)


def _each(words: str, codes: Iterable[str], *, task: str = "") -> dict[str, Meaning]:
    """Statuses of the circuits of co-contractors (1, 2) and of works contracts (MOE, MOA): shown as they are."""
    return {code: _business(words, task=task, closes=()) for code in codes}


INVOICE: Mapping[str, Meaning] = {
    "DEPOSEE": _message("Registered at Chorus Pro.", closes=_ROUTED),
    "EN_COURS_TRAITEMENT_PIVOT_S": _message("Being processed by Chorus Pro."),
    "EN_COURS_ACHEMINEMENT": _message("On its way to the recipient's system.", closes=_ROUTED),
    "MISE_A_DISPOSITION": _message(
        "Available to the recipient: legally delivered.", closes=_GOES_ON
    ),
    "A_RECYCLER": _message("Wrong recipient, service or engagement: to be recycled.", task=RECYCLE),
    "EN_ATTENTE_RECYCLAGE_FOURNISSEUR": _message(
        "Waits for the supplier to recycle it.", task=RECYCLE
    ),
    "ERREUR_DESTINATAIRE_PD": _message("The recipient is wrong.", task=INSPECT),
    "ERREUR_DESTINATAIRE_EA": _message("The recipient is wrong.", task=INSPECT),
    "NON_CONFORME": _message("Does not conform.", task=INSPECT),
    "TECHNIQUE_INCONNU": _message("Technical error.", task=INSPECT),
    "PRISE_EN_COMPTE_DESTINATAIRE": _business("Taken in charge by the recipient."),
    "SUSPENDUE": _business(
        "Suspended: the recipient wants something more.", task=COMPLETE, closes=_ROUTED
    ),
    "A_COMPLETER": _business("To be completed.", task=COMPLETE, closes=_ROUTED),
    "COMPLETEE": _business("Completed."),
    "REJETEE": _business(
        "Refused by the recipient.", status=Status.REJECTED, task=INVOICE_REFUSED, closes=()
    ),
    "SERVICE_FAIT": _business("The recipient confirms goods or service."),
    "MANDATEE": _business("Payment ordered."),
    "MISE_A_DISPOSITION_COMPTABLE": _business("At the public accountant."),
    "COMPTABILISEE": _business("Booked by the public accountant."),
    "MISE_EN_PAIEMENT": Meaning(Layer.PAYMENT, "Being paid.", closes=_GOES_ON, final=True),
    "ABANDONNEE": _business("Withdrawn by the supplier.", closes=_OVER, final=True),
    "SUPPRIMEE": _business("Deleted by the supplier.", closes=_OVER, final=True),
    "REMPLACEE_PAR_A22": _business("Replaced by a document of kind A22.", closes=()),
    "DUPLIQUE_APRES_REFUS": _business("Copied after a refusal.", closes=()),
    **_each(
        "In validation.",
        (
            "BROUILLON",
            "A_VALIDER_1",
            "A_VALIDER_2",
            "VALIDEE_1",
            "VALIDEE_2",
            "ABSENCE_VALIDATION_1_HORS_DELAI",
            "ABSENCE_VALIDATION_2_HORS_DELAI",
            "ABSENCE_VALIDATION_MOE_DELAI_REGLEMENTAIRE",
            "ASSOCIEE",
            "A_ASSOCIER_FOURNISSEUR",
            "A_ASSOCIER_MOA",
            "A_ASSOCIER_MOE",
            "A_VALIDER_MOE",
            "INTERPRETEE_OCR",
            "MISE_A_DISPOSITION_MOA",
            "MISE_A_DISPOSITION_MOE",
            "PRISE_EN_COMPTE_MOA",
            "PRISE_EN_COMPTE_MOE",
            "TRANSMISE_MOA",
        ),
    ),
    **_each(
        "Refused in validation.",
        ("REFUSEE_1", "REFUSEE_2", "REFUSEE_FOURNISSEUR", "REFUSEE_MOA", "REFUSEE_MOE"),
        task=INSPECT,
    ),
    **_each(
        "Error in validation.",
        (
            "ERREUR_COTRAITANT_SUR_VALIDEUR",
            "ERREUR_DE_MOA",
            "ERREUR_DE_MOE",
            "ERREUR_FOURNISSEUR_SUR_MOA",
            "ERREUR_FOURNISSEUR_SUR_MOE",
            "ERREUR_FOURNISSEUR_SUR_VALIDEUR",
            "ERREUR_MOA_SUR_FOURNISSEUR",
            "ERREUR_MOE_SUR_FOURNISSEUR",
            "ERREUR_MOE_SUR_MOA",
        ),
        task=INSPECT,
    ),
}
"""`statut` and `histoStatutCode` of an invoice (reference: e-invoicing, section 1.6)."""
REJECTED_INVOICE = "REJETEE"
LAST_WITHOUT_PAYMENT = frozenset({"MANDATEE", "COMPTABILISEE"})
"""The last words of recipients that never report a payment."""
ACTIONS: Mapping[str, Meaning] = {
    "TELECHARGEMENT_FACTURE": Meaning(Layer.BUSINESS, "Invoice downloaded.", None),
    "ACQUITTEMENT_SUSPENSION": Meaning(Layer.BUSINESS, "Suspension acknowledged.", None),
    "ACQUITTEMENT_REJET": Meaning(
        Layer.BUSINESS, "Refusal acknowledged.", None, closes=(INVOICE_REFUSED,), final=True
    ),
    "TRAITEMENT_REJET": Meaning(
        Layer.BUSINESS, "Refusal dealt with.", None, closes=(INVOICE_REFUSED,), final=True
    ),
}
"""`derniereActionCode`."""


def flow_meaning(state: str) -> Meaning:
    """What a flow's state means; an unknown one moves nothing."""
    return FLOW.get(state) or Meaning(Layer.TRANSPORT, "Not known to commtui.", None)


def invoice_meaning(status: str) -> Meaning:
    """What an invoice's status means; an unknown one moves nothing."""
    return INVOICE.get(status) or Meaning(Layer.MESSAGE, "Not known to commtui.", None)


def action_meaning(action: str) -> Meaning:
    """What the last action on an invoice means; an unknown one moves nothing."""
    return ACTIONS.get(action) or Meaning(Layer.BUSINESS, "Not known to commtui.", None)
