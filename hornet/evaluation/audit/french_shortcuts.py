"""What the audit says of shortcuts in French: from the facts of probes, gaps and burnt-in text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hornet.evaluation.audit.english_shortcuts import flags, where

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Facts = Mapping[str, Any]
    Sentence = Callable[[Facts], str]

_CLUES: Final = {
    "day": "le jour",
    "hour": "l'heure",
    "camera": "la caméra",
    "number": "le numéro dans le nom",
    "size": "la largeur et la hauteur",
    "encoding": "la compression du fichier",
    "exif": "ce que l'appareil a noté dans le fichier",
}
_WAYS: Final = {
    "random": "au hasard",
    "group": "par groupe",
    "day": "par jour",
    "camera": "par caméra",
    "camera and day": "par caméra et par jour",
}
_CORNERS: Final = {
    "top left": "en haut à gauche",
    "top right": "en haut à droite",
    "bottom left": "en bas à gauche",
    "bottom right": "en bas à droite",
    "top": "en haut",
    "bottom": "en bas",
    "middle": "au milieu",
    "middle left": "au milieu à gauche",
    "middle right": "au milieu à droite",
}
_SHOWN: Final = 4


def _number(value: float) -> str:
    return f"{value:.2f}".replace(".", ",")


def area(facts: Facts) -> str:
    """Say how well a probe guesses."""
    return (
        f"AUC {_number(facts['auc'])}, intervalle à 95 % de {_number(facts['low'])} à {_number(facts['high'])} ; "
        f"le hasard donne {_number(facts['chance'])}"
    )


def few_groups(least: int) -> dict[str, str]:
    """Return what was left out and why, where a class lies in too few groups."""
    return {
        "step_fr": "la recherche de raccourcis",
        "why_fr": f"chaque classe doit se trouver dans au moins {least} groupes",
    }


def too_few(least: int, most: int) -> tuple[str, str]:
    """Say why a network wasn't asked, in English and French: too few whole groups among the pictures it may see."""
    return (
        f"of each class, at least {least} whole groups must fit into {most} pictures",
        f"au moins {least} groupes entiers de chaque classe doivent tenir dans {most} images",
    )


def _metadata(facts: Facts) -> str:
    best = facts["clues"][0]["clue"] if facts.get("clues") else None
    most = f" Le plus parlant : {_CLUES[best]}." if best else ""
    random = (
        f" Avec des images réparties au hasard, ce serait {_number(facts['auc_random'])}." if best else ""
    )
    return (
        "présence et absence se devinent sans voir un seul pixel, par la date, l'heure, la caméra, le nom et le format "
        f"du fichier ({area(facts)}).{most}{random} Tout ce qui va avec, comme la lumière ou une horloge, trahit aussi "
        "l'étiquette : filmez les deux classes avec les mêmes caméras, les mêmes jours, aux mêmes heures ; répartissez "
        "par jours entiers ; et fiez-vous aux chiffres à l'intérieur d'une caméra et d'un jour "
        "(hornet evaluate --stratum camera,day)."
    )


def _corner(facts: Facts) -> str:
    corner = f"le coin {_CORNERS[facts['corner']]}" if "corner" in facts else "un coin"
    return (
        f"{corner} suffit pour deviner l'étiquette ({area(facts)}). Une horloge, un logo ou une bande s'y trouve "
        "peut-être, et un modèle les lit au lieu de chercher le frelon : masquez-les (--mask auto trouve les textes, "
        "--mask X0,Y0,X1,Y1 masque n'importe quoi)."
    )


def _pixels(what: str, advice: str) -> Sentence:
    return lambda facts: (
        f"pour deviner l'étiquette, il suffit de {what} ({area(facts)}). Un modèle peut apprendre cela au lieu du "
        f"frelon : {advice}"
    )


def _text(facts: Facts) -> str:
    places = [
        f"{_CORNERS[where(place['box'])]}, images de {place['width']}x{place['height']}"
        f"{', caméra ' + place['camera'] if place['camera'] else ''}"
        f"{', un autre dans chaque image' if place['changes'] else ''}"
        for place in facts["places"]
    ]
    more = f" et {len(places) - _SHOWN} de plus" if len(places) > _SHOWN else ""
    return (
        f"un texte est incrusté dans {facts['pictures']} images sur {facts['of']} ({' ; '.join(places[:_SHOWN])}{more}). Une "
        "horloge ou le nom d'une caméra peut trahir l'étiquette : masquez-le à l'entraînement, avec --mask auto ou "
        f"{flags(facts['masks'])}."
    )


def file_size(facts: Facts) -> str:
    """Say that the size of the file tells the label, and what that may mean."""
    kilobytes = {label: f"{size / 1000:.0f} ko" for label, size in facts["medians"].items()}
    return (
        f"la taille du fichier suffit pour deviner l'étiquette ({area(facts)} ; la moitié des présences dépasse "
        f"{kilobytes['present']}, la moitié des absences {kilobytes['absent']}). Si les deux classes viennent des mêmes "
        "appareils et ont été enregistrées de la même façon, ces octets sont peut-être ceux des insectes ; sinon, "
        "veillez-y."
    )


def _seer(facts: Facts) -> str:
    """Name the model, and what it sees."""
    if facts.get("features") == "imagenet":
        return f"une régression logistique sur un réseau ImageNet non ajusté ({facts['network']})"
    return "un modèle simple (une copie minuscule en gris et les couleurs)"


def imagenet(facts: Facts) -> str:
    """Say how well untuned ImageNet features do, pictures split in several ways."""
    areas = ", ".join(f"{_number(area)} {_WAYS[way]}" for way, area in facts["areas"].items())
    verdict = "voir leakage" if "gap" in facts else "aucun écart qui ne puisse être dû au hasard"
    return (
        f"imagenet : {facts['n']} images, régression logistique sur un réseau ImageNet non ajusté ({facts['network']}), "
        f"AUC selon la répartition : {areas} ; {verdict}."
    )


def gap(facts: Facts) -> str:
    """Say what splitting carelessly would feign, and how to split."""
    areas, start, end = facts["areas"], facts["from"], facts["to"]
    if facts["proposed"] == "group":
        advice = "Gardez ensemble les images d'un groupe, comme le fait hornet train ; jamais au hasard."
    elif facts["proposed"] == "day":
        as_now = " Vos groupes sont déjà des jours entiers : gardez-les." if facts["group_is_day"] else ""
        advice = (
            f"Gardez ensemble les jours entiers (--group-by day, ou le jour dans la colonne group).{as_now}"
        )
    else:
        advice = f"Mettez dans un même groupe ce qui va ensemble {_WAYS[facts['proposed']]} (colonne group)."
    way = _WAYS["day" if end == "group" and facts["group_is_day"] else end]
    return (
        f"{_seer(facts)} semble avoir une AUC de {_number(areas[start])} si les images sont réparties {_WAYS[start]}, "
        f"mais n'a que {_number(areas[end])} si elles le sont {way} (écart {_number(facts['gap'])}, intervalle à 95 % de "
        f"{_number(facts['low'])} à {_number(facts['high'])}). La différence n'est pas de la connaissance du frelon : des "
        f"images prises ensemble se ressemblent. {advice}"
    )


FINDINGS: Final[dict[str, Sentence]] = {
    "metadata": _metadata,
    "colour": _pixels(
        "la couleur de la lumière et du sol",
        "prenez les deux classes aux mêmes endroits et à la même lumière.",
    ),
    "border": _pixels("le bord de l'image", "coupez les cadres et les bandes, ou masquez-les avec --mask."),
    "corner": _corner,
    "blur": _pixels(
        "la netteté de l'image", "prenez les deux classes avec les mêmes appareils, à la même distance."
    ),
    "burnt-in-text": _text,
}

_LOOKED: Final = {
    "metadata": "la date, l'heure, la caméra, le nom et le format du fichier",
    "colour": "la couleur de la lumière et du sol",
    "border": "le bord de l'image",
    "corner": "les coins de l'image",
    "blur": "la netteté de l'image",
}

PASSED: Final[dict[str, Sentence]] = {
    name: lambda facts, what=what: f"ne suffit pas pour deviner l'étiquette : {what} ({area(facts)})."  # type: ignore[misc]
    for name, what in _LOOKED.items()
}
