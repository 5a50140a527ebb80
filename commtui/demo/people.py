"""Who practice data is about: names, places and words of several countries, none of them of a real customer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Region:
    """Customers of one country."""

    country: str
    language: str
    location_group: str
    given: tuple[str, ...]
    family: tuple[str, ...]
    companies: tuple[str, ...]
    cities: tuple[tuple[str, str], ...]
    """Postcode and name."""
    streets: tuple[str, ...]
    phones: tuple[str, ...] = ()
    """Mobile numbers kept free for fiction, up to the last two digits; none where the country keeps none."""


REGIONS: tuple[Region, ...] = (
    Region(
        "FR",
        "fr",
        "Paris",
        ("Zoé", "Aurélie", "François", "Noémie", "Théo", "Inès", "Jérôme", "Maëlle"),
        ("Lefèvre", "Durand", "Gonçalves", "Béranger", "d'Aubigné", "Müller-Roux", "Ozgür"),
        ("Boulangerie Lœuvre", "Garage Étoile SARL", "Hôtel du Nord", "Pharmacie Saint-Éloi"),
        (("75011", "Paris"), ("93100", "Montreuil"), ("92120", "Montrouge")),
        ("rue de la Forêt", "avenue Émile-Zola", "impasse des Tanneurs"),
    ),
    Region(
        "FR",
        "fr",
        "Lyon",
        ("Élodie", "Gaëlle", "Rémi", "Chloé", "Loïc", "Céline", "Baptiste", "Hélène"),
        ("Chevalier", "Moreau", "N'Guyen", "Février", "Le Goff", "Bénard", "Haddad"),
        (
            "Café des Négociants",
            "Menuiserie Béal",
            "Durand & Fils",
            "Clinique vétérinaire Brotteaux",
        ),
        (("69002", "Lyon"), ("69100", "Villeurbanne"), ("42000", "Saint-Étienne")),
        ("quai Saint-Vincent", "cours Gambetta", "montée de la Grande-Côte"),
    ),
    Region(
        "DE",
        "de",
        "Berlin",
        ("Jürgen", "Käthe", "Sören", "Änne", "Björn", "Günther", "Mareike", "Yağmur"),
        ("Groß", "Schäfer", "Köhler", "Weiß", "von der Höhe", "Özdemir", "Krüger"),
        ("Bäckerei Süß", "Möbelhaus Zähringer GmbH", "Physiotherapie am Weißensee"),
        (("10437", "Berlin"), ("14467", "Potsdam"), ("01067", "Dresden")),
        ("Schönhauser Allee", "Müggelstraße", "Große Gasse"),
        ("+4917139200",),
    ),
    Region(
        "ES",
        "es",
        "Barcelona",
        ("Íñigo", "Begoña", "José María", "Núria", "Andrés", "Mónica"),
        ("Muñoz Peña", "García Ibáñez", "Ávila", "Cañizares", "Puig i Cadafalch"),
        ("Talleres Peñíscola S.L.", "Panadería Ñandú", "Farmàcia Montjuïc"),
        (("08012", "Barcelona"), ("17001", "Girona"), ("43003", "Tarragona")),
        ("carrer de Verdi", "avinguda Gaudí", "plaça del Nord"),
    ),
    Region(
        "SE",
        "sv",
        "Göteborg",
        ("Åsa", "Björn", "Märta", "Örjan", "Siv", "Håkan", "Elin"),
        ("Sjöberg", "Ångström", "Lindqvist", "Öberg", "Nyström"),
        ("Kött & Chark AB", "Åkeri Väst", "Förskolan Igelkotten"),
        (("411 03", "Göteborg"), ("431 37", "Mölndal")),
        ("Älvsborgsgatan", "Första Långgatan", "Södra vägen"),
        ("+467017406",),
    ),
    Region(
        "US",
        "en",
        "Portland",
        ("Grace", "Malik", "Siobhán", "DeShawn", "Priya", "Walter"),
        ("O'Neill", "Van Dyke", "Nguyen", "Ramírez", "Featherstonehaugh"),
        ("Café Bébé LLC", "Portland Pipe & Fitting", "Rose City Dental"),
        (("97205", "Portland"), ("98101", "Seattle")),
        ("NW Lovejoy St", "SE Hawthorne Blvd", "Pike St"),
        ("+150355501", "+120255501", "+141555501"),
    ),
    Region(
        "GR",
        "en",
        "Αθήνα",
        ("Ελένη", "Γιώργος", "Αφροδίτη"),
        ("Παπαδόπουλος", "Νικολάου"),
        ("Φούρνος Ακρόπολη",),
        (("105 58", "Αθήνα"),),
        ("οδός Ερμού",),
    ),
    Region(
        "PL",
        "en",
        "Łódź",
        ("Łucja", "Wojciech", "Żaneta", "Święcisław"),
        ("Brzęczyszczykiewicz", "Wójcik", "Kołodziej"),
        ("Piekarnia Źródło", "Zakład Ślusarski Ćma"),
        (("90-001", "Łódź"),),
        ("ulica Piotrkowska", "aleja Kościuszki"),
    ),
)

WORDS: Mapping[str, Mapping[str, str]] = {
    "fr": {
        "invoice": "Facture",
        "reminder": "Rappel de la facture",
        "contract": "Votre contrat",
        "notice": "Information sur votre contrat",
        "welcome": "Bienvenue",
        "newsletter": "La lettre d'Aurore Énergie",
        "text": "Bonjour {name},\n\n{title}{amount}.\n\nCordialement,\nAurore Énergie",
    },
    "de": {
        "invoice": "Rechnung",
        "reminder": "Zahlungserinnerung zur Rechnung",
        "contract": "Ihr Vertrag",
        "notice": "Änderung zu Ihrem Vertrag",
        "welcome": "Willkommen",
        "newsletter": "Neues von Aurore Energie",
        "text": "Guten Tag {name},\n\n{title}{amount}.\n\nMit freundlichen Grüßen\nAurore Energie",
    },
    "es": {
        "invoice": "Factura",
        "reminder": "Recordatorio de la factura",
        "contract": "Su contrato",
        "notice": "Información sobre su contrato",
        "welcome": "Bienvenida",
        "newsletter": "Novedades de Aurore Energía",
        "text": "Hola, {name}:\n\n{title}{amount}.\n\nUn saludo,\nAurore Energía",
    },
    "sv": {
        "invoice": "Faktura",
        "reminder": "Påminnelse om faktura",
        "contract": "Ditt avtal",
        "notice": "Ändring av ditt avtal",
        "welcome": "Välkommen",
        "newsletter": "Nytt från Aurore Energi",
        "text": "Hej {name}!\n\n{title}{amount}.\n\nVänliga hälsningar,\nAurore Energi",
    },
    "en": {
        "invoice": "Invoice",
        "reminder": "Reminder of invoice",
        "contract": "Your contract",
        "notice": "Notice about your contract",
        "welcome": "Welcome",
        "newsletter": "News from Aurore Energy",
        "text": "Dear {name},\n\n{title}{amount}.\n\nKind regards,\nAurore Energy",
    },
}
"""Titles by kind, and the text of a message, by language."""

HOSTILE_NAMES = (
    "[bold red]Robert'); DROP TABLE entry;--[/] [@click=app.quit]here[/]",
    "Eve \x1b]52;c;cm0gLXJm\x07\x1b[2J\x9b31m Ltd",
    '\u202egnp.eciovni\u202c [/x] =HYPERLINK("http://example.com")',
)
"""Names that try to be markup, terminal commands or formulas: they have to be shown, and do nothing."""
