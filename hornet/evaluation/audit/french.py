"""The audit's sentences in French: a function a finding, from its facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hornet.evaluation.audit import french_shortcuts as shortcuts
from hornet.evaluation.audit.english import shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Facts = Mapping[str, Any]
    Sentence = Callable[[Facts], str]

_SHOWN = 3  # examples in a sentence
_LABELS = {"present": "présence", "absent": "absence"}
_PARTS = {"train": "apprentissage", "validation": "validation", "test": "test"}
_COLUMNS = {
    "split": (
        "partie",
        (
            "Les chiffres obtenus dessus ne disent pas grand-chose. Videz la colonne split et répartissez de nouveau : "
            "hornet data import DATA --split --out NEW.csv."
        ),
    ),
    "source": (
        "source",
        (
            "Un modèle peut apprendre la source au lieu du frelon : ajoutez l'autre classe prise là, et regardez les chiffres "
            "source par source (hornet evaluate --stratum source)."
        ),
    ),
    "camera": (
        "caméra",
        (
            "Un modèle peut apprendre le lieu au lieu du frelon : ajoutez l'autre classe prise là, et regardez les chiffres "
            "caméra par caméra (hornet evaluate --stratum camera)."
        ),
    ),
    "day": (
        "jour",
        (
            "Un modèle peut apprendre la lumière et le temps qu'il fait au lieu du frelon : ajoutez l'autre classe prise de "
            "tels jours, et regardez les chiffres jour par jour (hornet evaluate --stratum camera,day)."
        ),
    ),
    "hour": (
        "heure",
        (
            "Un modèle peut apprendre la lumière au lieu du frelon : ajoutez l'autre classe prise à cette heure, et regardez "
            "les chiffres jour par jour (hornet evaluate --stratum camera,day)."
        ),
    ),
}


def count(number: int, noun: str) -> str:
    """Return ``1 image`` or ``2 images``."""
    return f"{number} {noun}{'' if number in {0, 1} else 's'}"


def few(names: Sequence[str], total: int) -> str:
    """Name the first few, and say how many more there are."""
    shown = [shortened(name) for name in names[:_SHOWN]]
    more = total - len(shown)
    return ", ".join(shown) + (f" et {more} de plus" if more > 0 else "")


def _number(value: float) -> str:
    return f"{value:.2f}".replace(".", ",")


def _pair(facts: Facts, told: Callable[[Facts], str]) -> str:
    """Name the first two pictures of the first set."""
    members = facts["examples"][0][:2]
    return " et ".join(f"{shortened(member['path'])}{told(member)}" for member in members)


def _unreadable(facts: Facts) -> str:
    paths = [each["path"] for each in facts["examples"]]
    gone = set(facts["reasons"]) == {"missing"}
    advice = (
        "remettez-les en place, ou retirez leurs lignes du manifeste"
        if gone
        else "réparez ou retirez, ou entraînez avec --skip-unreadable"
    )
    return (
        f"{count(facts['pictures'], 'image')} sur {facts['of']} : illisible à l'ouverture "
        f"({few(paths, facts['pictures'])} ; pour la première : {facts['examples'][0]['error']}). L'apprentissage s'y "
        f"arrête : {advice}."
    )


def _duplicate(facts: Facts) -> str:
    return (
        f"{count(facts['pictures'], 'image')} sur {facts['of']} : le même fichier sous plusieurs noms "
        f"({count(facts['sets'], 'lot')}, par exemple {_pair(facts, lambda _: '')}). Elles comptent plus que les autres : "
        "gardez-en une par lot."
    )


def _near_duplicate(facts: Facts) -> str:
    return (
        f"{count(facts['pictures'], 'image')} sur {facts['of']} : presque la même qu'une autre, réduite, enregistrée de "
        f"nouveau ou prise un instant plus tard ({count(facts['sets'], 'lot')}, par exemple "
        f"{_pair(facts, lambda _: '')}). Elles montrent moins que leur nombre ne dit : gardez la meilleure de chaque lot, "
        "ou veillez à ce que chaque lot soit dans un seul groupe."
    )


def _label_conflict(facts: Facts) -> str:
    same = f", dont {facts['identical']} dans des fichiers identiques" if facts["identical"] else ""
    return (
        f"{count(facts['pictures'], 'image')} sur {facts['of']} : montre la même chose qu'une autre, étiquetée à "
        f"l'inverse{same} ({count(facts['sets'], 'lot')}, par exemple "
        f"{_pair(facts, lambda m: ' (' + _LABELS[m['label']] + ')')}). Regardez les deux et corrigez l'étiquette, ou "
        "retirez ce que personne ne peut décider."
    )


def _leakage(facts: Facts) -> str:
    ways = []
    if facts["identical"]:
        ways.append(f"{facts['identical']} par le même fichier")
    if facts["alike"]:
        ways.append(f"{facts['alike']} par une image presque pareille")
    if facts["divided"]:
        ways.append(
            f"{count(facts['divided'], 'groupe')} à cheval, par exemple {shortened(facts['groups'][0])}"
        )
    if facts["related"]:
        ways.append(
            f"{facts['related']} par le jour, la série ou l'observation, par exemple {shortened(facts['kin'][0])}"
        )
    # Twins in two groups would be torn apart again.
    repair = "Videz les colonnes split et group" if facts["ungrouped"] else "Videz la colonne split"
    where = (
        f" (par exemple {_pair(facts, lambda m: ' en ' + _PARTS[m['split']])})" if facts["examples"] else ""
    )
    return (
        f"{count(facts['pictures'], 'image')} sur {facts['of']} qui servent à mesurer : une jumelle ou une sœur se trouve "
        f"dans une autre partie : {' ; '.join(ways)}{where}. Les chiffres seraient trop beaux. {repair}, "
        "et répartissez de nouveau : hornet data import DATA --split --out NEW.csv."
    )


def _imbalance(facts: Facts) -> str:
    if facts["column"] is None:
        rare = min(("present", "absent"), key=lambda label: facts[label])
        return (
            f"étiquette « {_LABELS[rare]} » : seulement {facts[rare]} sur {facts['present'] + facts['absent']} images. Un "
            f"modèle qui ne la donne jamais a presque toujours raison : ajoutez de telles images, ou entraînez avec "
            "--balance class."
        )
    values = [
        f"{shortened(v['value'])} ({count(v['present'], 'présence')}, {count(v['absent'], 'absence')})"
        for v in facts["values"]
    ]
    name, advice = _COLUMNS[facts["column"]]
    return (
        f"{count(facts['count'], name)} sans presque rien d'autre qu'une seule classe : {few(values, facts['count'])} ; "
        f"{facts['pictures']} images sur {facts['of']}. {advice}"
    )


def _look(what: str) -> Sentence:
    return lambda facts: (
        f"{count(facts['pictures'], 'image')} sur {facts['of']} : {what} "
        f"({few(facts['examples'], facts['pictures'])}). Vérifiez que l'étiquette dit ce qu'on y voit."
    )


FINDINGS: Final[dict[str, Sentence]] = {
    "unreadable": _unreadable,
    "duplicate": _duplicate,
    "near-duplicate": _near_duplicate,
    "label-conflict": _label_conflict,
    # Twins in two parts, or a model that is better than it should be.
    "leakage": lambda facts: shortcuts.gap(facts) if "gap" in facts else _leakage(facts),
    "imbalance": _imbalance,
    **shortcuts.FINDINGS,
}

PASSED: Final[dict[str, Sentence]] = shortcuts.PASSED

NOTES: Final[dict[str, Sentence]] = {
    "tiny": lambda facts: (
        f"{count(facts['pictures'], 'image')} sur {facts['of']} : moins de {facts['limit']} px de côté "
        f"({few(facts['examples'], facts['pictures'])}). Un insecte peut y être trop petit pour être reconnu."
    ),
    "blank": _look("vide, une seule couleur presque partout"),
    "dark": _look("trop sombre"),
    "bright": _look("trop claire"),
    "blurred": _look("bien plus floue que les autres"),
    "same-moment": lambda facts: (
        f"{count(facts['pictures'], 'image')} sur {facts['of']} : prises par plusieurs caméras à la même seconde, "
        f"étiquetées à l'inverse ({count(facts['sets'], 'moment')}, par exemple "
        f"{_pair(facts, lambda m: ' (' + _LABELS[m['label']] + ')')}). Si leurs champs se recouvrent, vérifiez que le "
        "frelon est vraiment hors de l'un d'eux."
    ),
    "file-size": shortcuts.file_size,
    "imagenet": shortcuts.imagenet,
    "left-out": lambda facts: (
        f"étape sautée : {facts.get('step_fr', facts['step'])} ({facts.get('why_fr', facts['why'])})."
    ),
}
