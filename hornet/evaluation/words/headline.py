"""Texts of the verdict and of the page itself."""

from __future__ import annotations

from typing import Final

HEADLINE: Final[dict[str, tuple[str, str]]] = {
    "language": ("English", "Français"),
    "contents": ("Contents", "Sommaire"),
    "interval.between": ("{low} to {high}", "{low} à {high}"),
    "pictures.one": ("{n} picture", "{n} image"),
    "pictures.many": ("{n} pictures", "{n} images"),
    "groups.one": ("{n} group", "{n} groupe"),
    "groups.many": ("{n} groups", "{n} groupes"),
    "opening.camera": ("On cameras it has not seen", "Sur des caméras qu'il n'a jamais vues"),
    "opening.source": (
        "On pictures from sources it has not seen",
        "Sur des images de sources qu'il n'a jamais vues",
    ),
    "opening.group": ("On pictures it has not seen", "Sur des images qu'il n'a jamais vues"),
    "opening.chosen": (
        "On the pictures that chose its best epoch, temperature and threshold, which flatters it",
        "Sur les images qui ont servi à choisir son époque, sa température et son seuil, ce qui le flatte",
    ),
    "opening.learned": (
        "On pictures it learned from, which says nothing about others",
        "Sur les images mêmes de son apprentissage, ce qui ne dit rien des autres",
    ),
    "opening.unknown": ("On these pictures", "Sur ces images"),
    "verdict.sentence": ("{opening}, it {parts}.", "{opening}, il {parts}."),
    "verdict.and": ("{first} and {second}", "{first} et {second}"),
    "verdict.chance": (
        (
            "{opening}, nothing shows that it can tell hornets from the rest: tossing a coin may rank them as well (AUC {auc}, 95%: "
            "{interval})."
        ),
        (
            "{opening}, rien ne montre qu'il distingue les frelons du reste : pile ou face classerait peut-être aussi bien (AUC {auc}, à "
            "95 % : {interval})."
        ),
    ),
    "verdict.finds.none": ("finds none of {m} hornets", "ne trouve aucun frelon sur {m}"),
    "verdict.finds.one": ("finds {k} of {m} hornets", "trouve {k} frelon sur {m}"),
    "verdict.finds.some": ("finds {k} of {m} hornets", "trouve {k} frelons sur {m}"),
    "verdict.finds.all": ("finds {m} of {m} hornets", "trouve {m} frelons sur {m}"),
    "verdict.cries.none": (
        "cries wolf on none of {m} pictures without one",
        "ne crie au loup devant aucune des {m} images sans frelon",
    ),
    "verdict.cries.one": (
        "cries wolf on {k} of {m} pictures without one",
        "crie au loup devant {k} image sans frelon sur {m}",
    ),
    "verdict.cries.some": (
        "cries wolf on {k} of {m} pictures without one",
        "crie au loup devant {k} images sans frelon sur {m}",
    ),
    "verdict.cries.all": (
        "cries wolf on all {m} pictures without one",
        "crie au loup devant les {m} images sans frelon",
    ),
    "verdict.daily": ("{counted}, {often}", "{counted}, soit {often}"),
    "often.once": ("once a day", "une fois par jour"),
    "often.twice": ("twice a day", "deux fois par jour"),
    "often.times": ("{n} times a day", "{n} fois par jour"),
    "often.days": ("once in {n} days", "une fois en {n} jours"),
    "verdict.doubt": (
        "Don't believe these figures yet. The audit found: {kinds}.",
        "Ne croyez pas encore ces chiffres. L'audit a trouvé : {kinds}.",
    ),
    "verdict.counts": (
        "Measured on {pictures}, {present} with a hornet, {groups}.",
        "Mesuré sur {pictures}, dont {present} avec frelon, {groups}.",
    ),
    "verdict.auc": ("AUC {auc}.", "AUC {auc}."),
    "verdict.one_class": (
        "All pictures are of one class, so that its ranking can't be measured.",
        "Toutes les images sont d'une même classe : le classement ne peut être mesuré.",
    ),
    "verdict.threshold": (
        "A probability of {threshold} or more counts as a hornet.",
        "Une probabilité d'au moins {threshold} compte comme un frelon.",
    ),
    "verdict.grouped": (
        "In brackets: intervals of 95%, by resampling groups (an observation, a burst, a day).",
        "Entre parenthèses : intervalles à 95 %, par rééchantillonnage des groupes (une observation, une rafale, un jour).",
    ),
    "verdict.ungrouped": (
        "In brackets: intervals of 95%, too narrow, because fewer than 10 groups can't be resampled: pictures are taken as independent.",
        (
            "Entre parenthèses : intervalles à 95 %, trop étroits, car moins de 10 groupes ne se rééchantillonnent pas : les images sont "
            "supposées indépendantes."
        ),
    ),
    "verdict.unknown": (
        "Whether the model learned from some of these pictures isn't known here.",
        "Rien ne dit ici si certaines de ces images ont servi à son apprentissage.",
    ),
    "verdict.weak": (
        "On pictures of {names} its ranking may be chance.",
        "Sur les images de {names}, son classement peut être celui du hasard.",
    ),
    "title.run": (
        "Asian hornet classifier, run {name}",
        "Classifieur de frelons asiatiques, entraînement {name}",
    ),
    "title.evaluation": (
        "Asian hornet classifier {model} on {data}",
        "Classifieur de frelons asiatiques {model} sur {data}",
    ),
    "verdict.day": (
        (
            "A day here is one camera's: {empty} pictures without a hornet on average, over {days} such days. Where a camera takes "
            "more, it cries wolf more often."
        ),
        (
            "Un jour s'entend ici par caméra : {empty} images sans frelon en moyenne, sur {days} jours de caméra. Une caméra qui en prend "
            "davantage crie au loup plus souvent."
        ),
    ),
    "limit.whole": (
        "It answers for the whole picture: it neither counts hornets nor marks their place.",
        "Il répond pour l'image entière : il ne compte pas les frelons et ne montre pas où ils sont.",
    ),
    "limit.small": (
        "A hornet of a few pixels, once the picture is at the network's size, can't be seen by it.",
        "Un frelon de quelques pixels, une fois l'image réduite à la taille du réseau, lui échappe.",
    ),
    "limit.elsewhere": (
        (
            "It was measured on the sources named here. On another camera, season or region it can be worse: measure it "
            "there with `hornet evaluate` on pictures of your own before you rely on it."
        ),
        (
            "Il a été mesuré sur les sources nommées ici. Avec une autre caméra, à une autre saison, dans une autre région, il peut être "
            "moins bon : mesurez-le sur vos propres images avec `hornet evaluate` avant de vous y fier."
        ),
    ),
    "limit.strange": (
        "Insects that it never saw get an answer all the same.",
        "Les insectes qu'il n'a jamais vus reçoivent tout de même une réponse.",
    ),
    "limit.nest": (
        "It is no proof that there is no nest: absence from a picture isn't absence from a place.",
        "Il ne prouve pas l'absence de nid : absent de l'image ne veut pas dire absent du lieu.",
    ),
    "warning.no_test": (
        "There was no test split: all figures are from pictures that chose epoch, temperature and threshold.",
        (
            "Il n'y avait pas de partie de test : tous les chiffres viennent d'images qui ont servi à choisir l'époque, la température et le "
            "seuil."
        ),
    ),
    "warning.tta": (
        "These figures average {views} views of each picture. Predicting looks once, so they aren't its figures.",
        "Ces chiffres font la moyenne de {views} vues de chaque image. La prédiction n'en regarde qu'une : ce ne sont pas ses chiffres.",
    ),
}
