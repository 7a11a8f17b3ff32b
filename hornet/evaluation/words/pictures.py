"""Texts of the audit and of the sections with pictures."""

from __future__ import annotations

from typing import Final

PICTURES: Final[dict[str, tuple[str, str]]] = {
    "section.audit": ("Audit of the pictures", "Audit des images"),
    "audit.none": (
        (
            "The pictures weren't audited for this report: copies between splits, contradicting labels or shortcuts such as a burnt-in date "
            "would not have been noticed. `hornet data audit` looks for them."
        ),
        (
            "Les images n'ont pas été auditées pour ce rapport : des copies d'une partie à l'autre, des étiquettes contradictoires ou des "
            "raccourcis, comme une date incrustée, n'auraient pas été remarqués. `hornet data audit` les cherche."
        ),
    ),
    "audit.clean": ("Nothing suspicious was found.", "Rien de suspect n'a été trouvé."),
    "audit.short": (
        "Only a quick look, at the start of the training. `hornet data audit` looks closer, for shortcuts too.",
        "Un coup d'œil rapide seulement, au début de l'apprentissage. `hornet data audit` regarde de plus près, aussi les raccourcis.",
    ),
    "audit.notes": ("Worth a look", "À regarder"),
    "audit.passed": ("Looked for and not found", "Cherché et non trouvé"),
    "audit.unreadable": ("Unreadable pictures", "Images illisibles"),
    "audit.duplicate": ("Copies", "Copies"),
    "audit.near-duplicate": ("Near copies", "Quasi-copies"),
    "audit.label-conflict": ("Contradicting labels", "Étiquettes contradictoires"),
    "audit.leakage": ("Leakage between splits", "Fuite d'une partie à l'autre"),
    "audit.imbalance": ("Imbalance", "Déséquilibre"),
    "audit.metadata": ("Metadata give the answer away", "Les métadonnées trahissent la réponse"),
    "audit.colour": ("Colours give the answer away", "Les couleurs trahissent la réponse"),
    "audit.border": ("The border gives the answer away", "Le bord trahit la réponse"),
    "audit.corner": ("A corner gives the answer away", "Un coin trahit la réponse"),
    "audit.blur": ("Sharpness gives the answer away", "La netteté trahit la réponse"),
    "audit.burnt-in-text": ("Burnt-in text", "Texte incrusté"),
    "section.worst": ("Worst mistakes", "Pires erreurs"),
    "worst.how": (
        "The wrong answers it was most certain of. Some may be wrong labels: look before you blame the model.",
        (
            "Les réponses fausses dont il était le plus sûr. Certaines sont peut-être des étiquettes fausses : regardez avant d'accuser le "
            "modèle."
        ),
    ),
    "heatmap.how": (
        (
            "Beside each picture its heatmap: red speaks for a hornet, blue against. Full colour is a picture's own strongest place, or 2 "
            "logits where no place reaches that."
        ),
        (
            "À côté de chaque image, sa carte de chaleur : le rouge parle pour un frelon, le bleu contre. La pleine couleur est l'endroit le "
            "plus fort de l'image, ou 2 logits si aucun ne les atteint."
        ),
    ),
    "section.cells": ("Examples of each kind", "Exemples de chaque sorte"),
    "cells.how": (
        "Spread evenly over each kind's probabilities, not chosen for their looks.",
        "Répartis sur les probabilités de chaque sorte, et non choisis pour leur allure.",
    ),
    "cells.tp": ("Found", "Trouvés"),
    "cells.fn": ("Missed", "Manqués"),
    "cells.fp": ("False alarms", "Fausses alertes"),
    "cells.tn": ("Rightly absent", "Absences confirmées"),
    "probability": ("probability", "probabilité"),
    "pictures.rights": (
        (
            "This file holds small copies of pictures that belong to their authors: don't publish it without their leave. `--no-pictures` "
            "writes one without."
        ),
        (
            "Ce fichier contient de petites copies d'images qui appartiennent à leurs auteurs : ne le publiez pas sans leur accord. "
            "`--no-pictures` en écrit un sans images."
        ),
    ),
}
