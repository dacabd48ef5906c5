"""Words of addresses that are written in several ways, and the one way each is taken for.

The languages stand in one table on purpose: which one a text is in need not be known. That two words of different
languages become the same (`st` is a street and a saint) does no harm, for an address is only ever compared with those
of the same postal code.
"""

STREET_TYPES = {
    # English
    **dict.fromkeys(("street", "str", "saint", "sankt", "sainte", "ste"), "st"),
    **dict.fromkeys(("avenue", "av", "avn", "avda", "avenida"), "ave"),
    **dict.fromkeys(("road",), "rd"),
    **dict.fromkeys(("drive", "drv"), "dr"),
    **dict.fromkeys(("lane",), "ln"),
    **dict.fromkeys(("court", "crt"), "ct"),
    **dict.fromkeys(("boulevard", "bd", "boul", "blv", "bulevar"), "blvd"),
    **dict.fromkeys(("square",), "sq"),
    **dict.fromkeys(("terrace",), "ter"),
    **dict.fromkeys(("place", "plaza", "platz", "plac", "plaats"), "pl"),
    **dict.fromkeys(("crescent",), "cres"),
    **dict.fromkeys(("close",), "cl"),
    **dict.fromkeys(("gardens", "gdn"), "gdns"),
    **dict.fromkeys(("grove",), "gr"),
    **dict.fromkeys(("highway",), "hwy"),
    **dict.fromkeys(("parkway", "pkway"), "pkwy"),
    **dict.fromkeys(("mount", "mont"), "mt"),
    # German, Dutch
    **dict.fromkeys(("strasse", "straat"), "st"),
    **dict.fromkeys(("gasse",), "g"),
    **dict.fromkeys(("doktor", "docteur"), "dr"),
    **dict.fromkeys(("professor",), "prof"),
    # French
    **dict.fromkeys(("r",), "rue"),
    **dict.fromkeys(("chemin", "che"), "ch"),
    **dict.fromkeys(("impasse",), "imp"),
    **dict.fromkeys(("allee", "allees"), "all"),
    **dict.fromkeys(("route",), "rte"),
    **dict.fromkeys(("faubourg",), "fg"),
    # Spanish, Portuguese, Italian
    **dict.fromkeys(("calle", "cll"), "c"),
    **dict.fromkeys(("carrer", "carretera"), "ctra"),
    **dict.fromkeys(("paseo", "passeig"), "pso"),
    **dict.fromkeys(("rua",), "rue"),
    **dict.fromkeys(("travessa", "travesia"), "tv"),
    **dict.fromkeys(("viale",), "vle"),
    **dict.fromkeys(("piazza", "praca", "pza"), "pl"),
    **dict.fromkeys(("corso",), "cso"),
    # Polish
    **dict.fromkeys(("ulica",), "ul"),
    **dict.fromkeys(("aleja", "aleje"), "al"),
    **dict.fromkeys(("osiedle",), "os"),
    # Points of the compass
    **dict.fromkeys(("north", "nord", "norte"), "n"),
    **dict.fromkeys(("south", "sud", "sur"), "s"),
    **dict.fromkeys(("east",), "e"),
    **dict.fromkeys(("west",), "w"),
}
"""A whole word: what it is taken for."""

STREET_ENDINGS = (("strasse", "st"), ("straat", "st"), ("str", "st"), ("gasse", "g"), ("platz", "pl"))
"""Endings of words that are written together, as in Hauptstrasse: what they are taken for."""

NO_WORDS = frozenset({"no", "nr", "num", "numero", "nummer", "hausnr", "hausnummer", "de", "du", "des", "la", "le"})
"""Words that are put in and left out at will."""

UNITS = (
    *("apt", "apartment", "appartement", "appartment", "appt", "app", "apartamento", "apto", "appartamento"),
    *("flat", "unit", "suite", "ste", "room", "rm", "wohnung", "wohn", "whg", "wng", "top", "tur", "tuer", "door"),
    *("puerta", "pta", "interno", "int", "lokal", "lok", "mieszkanie", "bus", "bte", "boite", "lgh", "lagenhet"),
    *("fraccao", "studio", "m", "kv"),
)
"""Words for a dwelling within a house; the number or letter after them is its name."""

FLOORS = (
    "floor",
    "fl",
    "etage",
    "og",
    "obergeschoss",
    "stock",
    "stk",
    "piso",
    "piano",
    "verdieping",
    "andar",
    "pietro",
)
GROUND_FLOORS = ("eg", "erdgeschoss", "rdc", "bg", "parterre", "ground floor", "rez de chaussee")
STAIRS = ("stiege", "stg", "escalier", "esc", "escalera", "scala", "staircase", "aufgang", "trappe")
BUILDINGS = ("building", "bldg", "batiment", "bat", "bloque", "blok", "block", "haus", "edificio", "edif", "tower")
"""Parts of a house that keep apart dwellings of one number."""

POST_BOXES = (
    *(
        "po box",
        "p o box",
        "post office box",
        "postfach",
        "postbus",
        "boite postale",
        "bp",
        "apartado",
        "casella postale",
    ),
    *("skrytka pocztowa", "caixa postal", "postboks", "box postal", "pobox", "private bag", "locked bag"),
)
"""Where mail goes and nobody lives."""

ORDINALS = {
    "FIRST": "1ST", "SECOND": "2ND", "THIRD": "3RD", "FOURTH": "4TH", "FIFTH": "5TH", "SIXTH": "6TH",
    "SEVENTH": "7TH", "EIGHTH": "8TH", "NINTH": "9TH", "TENTH": "10TH",
}  # fmt: skip
"""Numbered streets of the United States as words."""
