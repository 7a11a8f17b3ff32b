"""Texts of figures, curves, thresholds and slices."""

from __future__ import annotations

from typing import Final

FIGURES: Final[dict[str, tuple[str, str]]] = {
    "split.test": ("test", "test"),
    "split.validation": ("validation", "validation"),
    "split.train": ("training", "apprentissage"),
    "split.all": ("all pictures", "toutes les images"),
    "split.test, float32": ("test, float32 file", "test, fichier float32"),
    "split.file: validation": ("validation, as the file states it", "validation, selon le fichier"),
    "split.": ("(none)", "(aucune)"),
    "tile.pictures": ("pictures", "images"),
    "tile.groups": ("groups", "groupes"),
    "tile.auc": ("AUC: ranking, 1 is perfect", "AUC : classement, 1 est parfait"),
    "tile.auc.chance": ("AUC: may be chance", "AUC : peut être le hasard"),
    "tile.recall": ("of hornets found", "des frelons trouvés"),
    "tile.alarms": ("false alarms, of pictures without", "fausses alertes, des images sans frelon"),
    "tile.unsure": ("unsure: for an expert", "incertaines : pour un expert"),
    "section.figures": ("Figures and intervals", "Chiffres et intervalles"),
    "figure": ("figure", "mesure"),
    "figures.caption": ("Figures (interval of 95%)", "Mesures (intervalle à 95 %)"),
    "figures.how": (
        (
            "Figures that need a threshold use the decision threshold. False alarms, log loss and calibration error are better the lower "
            "they are, the others the higher."
        ),
        (
            "Les mesures qui demandent un seuil prennent le seuil de décision. Les fausses alertes, la perte logarithmique et l'erreur de "
            "calibration sont meilleures quand elles sont basses, les autres quand elles sont hautes."
        ),
    ),
    "figures.ungrouped": (
        "Intervals of {name} are ungrouped and too narrow: there are only {groups}.",
        "Les intervalles de « {name} » ignorent les groupes et sont trop étroits : il n'y a que {groups}.",
    ),
    "metric.accuracy": ("accuracy", "exactitude"),
    "metric.precision": (
        "precision: true alarms among alarms",
        "précision : vraies alertes parmi les alertes",
    ),
    "metric.recall": ("recall: hornets found", "rappel : frelons trouvés"),
    "metric.false_alarms": ("false alarms among absences", "fausses alertes parmi les absences"),
    "metric.f1": ("F1", "F1"),
    "metric.roc_auc": ("ROC-AUC", "AUC ROC"),
    "metric.average_precision": ("average precision", "précision moyenne"),
    "metric.log_loss": ("log loss", "perte logarithmique"),
    "metric.calibration_error": ("calibration error", "erreur de calibration"),
    "metric.stratified_auc": ("AUC within strata", "AUC à l'intérieur des strates"),
    "reason.no picture of this kind": ("no picture of this kind", "aucune image de ce genre"),
    "reason.no picture was called present": (
        "no picture was called present",
        "aucune image n'a été jugée avec frelon",
    ),
    "reason.no picture shows a hornet": ("no picture shows a hornet", "aucune image ne montre de frelon"),
    "reason.no picture shows a hornet or was called present": (
        "no picture shows a hornet or was called present",
        "aucune image ne montre de frelon ni n'a été jugée en montrer un",
    ),
    "reason.every picture shows a hornet": (
        "every picture shows a hornet",
        "toutes les images montrent un frelon",
    ),
    "reason.all pictures are of one class": (
        "all pictures are of one class",
        "toutes les images sont d'une même classe",
    ),
    "reason.no stratum holds both classes": (
        "no stratum holds both classes",
        "aucune strate ne contient les deux classes",
    ),
    "strata": (
        (
            "Within strata: over the {pairs} pairs of pictures that agree in {columns}, the AUC is {auc}. {pictures} pictures have all of "
            "these columns. No calendar and no camera can help here."
        ),
        (
            "À l'intérieur des strates : sur les {pairs} paires d'images de mêmes {columns}, l'AUC est de {auc}. {pictures} images ont toutes "
            "ces colonnes. Ni le calendrier ni la caméra ne peuvent aider ici."
        ),
    ),
    "section.confusion": ("What it said, and what was there", "Ce qu'il a dit, et ce qu'il y avait"),
    "confusion.caption": (
        "Confusion matrix at the threshold of {threshold}",
        "Matrice de confusion au seuil de {threshold}",
    ),
    "confusion.how": (
        "Percentages are shares of their row, with intervals of 95%.",
        "Les pourcentages sont des parts de la ligne, avec des intervalles à 95 %.",
    ),
    "shows.present": ("shows a hornet", "montre un frelon"),
    "shows.absent": ("shows none", "n'en montre pas"),
    "called.present": ("called present", "jugée avec frelon"),
    "called.absent": ("called absent", "jugée sans frelon"),
    "cell.tp": ("found", "trouvé"),
    "cell.fn": ("missed", "manqué"),
    "cell.fp": ("false alarm", "fausse alerte"),
    "cell.tn": ("rightly absent", "absence confirmée"),
    "section.curves": ("Curves", "Courbes"),
    "axis.alarms": ("false alarms among absences", "fausses alertes parmi les absences"),
    "axis.recall": ("recall: hornets found", "rappel : frelons trouvés"),
    "axis.precision": ("precision: true alarms", "précision : vraies alertes"),
    "axis.probability": ("probability of a hornet", "probabilité d'un frelon"),
    "axis.frequency": ("share that shows one", "part qui en montre un"),
    "axis.weight": ("weight of misses: 0 none, 1 all", "poids des manqués : 0 aucun, 1 tout"),
    "axis.cost": ("cost, share of the worst", "coût, part du pire"),
    "chance": ("chance", "hasard"),
    "all_thresholds": ("all thresholds", "tous les seuils"),
    "in_use": ("threshold in use", "seuil utilisé"),
    "best_threshold": ("best threshold for each weight", "meilleur seuil pour chaque poids"),
    "same_answer": ("always the same answer", "toujours la même réponse"),
    "roc.title": ("ROC", "Courbe ROC"),
    "roc.label": (
        "ROC curve: recall against false alarms at every threshold",
        "Courbe ROC : rappel selon les fausses alertes, à chaque seuil",
    ),
    "pr.title": ("Precision and recall", "Précision et rappel"),
    "pr.label": ("Precision against recall at every threshold", "Précision selon le rappel, à chaque seuil"),
    "cost.title": ("Cost", "Coût"),
    "cost.label": (
        "Cost curve: cost of the threshold in use and of the best one, by the weight of misses",
        "Courbe de coût : coût du seuil utilisé et du meilleur seuil, selon le poids des manqués",
    ),
    "cost.here": (
        "{prevalence} of these pictures show a hornet, costs alike",
        "{prevalence} de ces images montrent un frelon, à coûts égaux",
    ),
    "section.calibration": ("Can the probability be believed?", "Peut-on croire la probabilité ?"),
    "calibration.how": (
        "On the dashed line a probability of 0.7 means: 7 of 10 such pictures show a hornet.",
        "Sur la ligne pointillée, une probabilité de 0,7 signifie : 7 de ces images sur 10 montrent un frelon.",
    ),
    "calibration.title": ("Reliability", "Fiabilité"),
    "calibration.label": (
        "Share of pictures that show a hornet, by the probability they were given",
        "Part des images qui montrent un frelon, selon la probabilité donnée",
    ),
    "calibration.ideal": ("perfectly calibrated", "calibration parfaite"),
    "calibration.bin": (
        "a fifteenth of the scale; area: pictures; line: 95%",
        "un quinzième de l'échelle ; surface : images ; trait : 95 %",
    ),
    "calibration.caption": ("Probabilities and what came of them", "Les probabilités et ce qu'il en fut"),
    "calibration.range": ("probability", "probabilité"),
    "calibration.pictures": ("pictures", "images"),
    "calibration.mean": ("mean probability", "probabilité moyenne"),
    "calibration.share": ("share with a hornet (95%)", "part avec frelon (95 %)"),
    "numbers": ("The numbers", "Les nombres"),
    "section.thresholds": ("Operating point", "Point de fonctionnement"),
    "setting": ("setting", "réglage"),
    "value": ("value", "valeur"),
    "point.caption": ("What the model file says", "Ce que dit le fichier du modèle"),
    "point.asked": (
        (
            "Set by `hornet calibrate`, on pictures that chose it: {hits} of {hornets} hornets aren't called absent (surely at "
            "least {least}), {alarms} of {absences} absences are called present (surely at most {most}; one-sided bounds of 95%). "
            "Of 1,000 pictures, {share} of them with a hornet, {unsure} would be unsure, for an expert to look at, and {called} "
            "called present."
        ),
        (
            "Fixé par `hornet calibrate`, sur les images qui l'ont choisi : {hits} frelons sur {hornets} ne sont pas jugés absents "
            "(au moins {least}, de façon sûre), {alarms} absences sur {absences} sont jugées présentes (au plus {most} ; bornes "
            "unilatérales à 95 %). Sur 1000 images, dont {share} avec frelon, {unsure} resteraient incertaines, à montrer à un "
            "expert, et {called} seraient jugées présentes."
        ),
    ),
    "point.single": (
        "One threshold: nothing is unsure. `hornet calibrate` sets others, for a recall or for false alarms.",
        "Un seul seuil : rien n'est incertain. `hornet calibrate` en fixe d'autres, pour un rappel ou pour des fausses alertes.",
    ),
    "point.band": (
        "Between the two thresholds the verdict is unsure: such pictures are for an expert.",
        "Entre les deux seuils le verdict est incertain : ces images sont pour un expert.",
    ),
    "point.decision": ("decision threshold (figures use it)", "seuil de décision (utilisé par les mesures)"),
    "point.low": ("absent below", "absent en dessous de"),
    "point.high": ("present from", "présent à partir de"),
    "point.temperature": ("temperature", "température"),
    "point.unsure": ("share of unsure verdicts", "part de verdicts incertains"),
    "choice.caption": (
        "What other thresholds would do to these pictures (interval of 95%)",
        "Ce que d'autres seuils feraient de ces images (intervalle à 95 %)",
    ),
    "choice.how": (
        "Chosen on these very pictures, a threshold looks a little better than it is.",
        "Choisi sur ces images mêmes, un seuil paraît un peu meilleur qu'il n'est.",
    ),
    "choice.threshold": ("threshold", "seuil"),
    "choice.decision": ("in use", "utilisé"),
    "choice.low": ("low", "bas"),
    "choice.high": ("high", "haut"),
    "choice.recall": ("hornets found", "frelons trouvés"),
    "choice.alarms": ("false alarms among absences", "fausses alertes parmi les absences"),
    "choice.precision": ("true alarms among alarms", "vraies alertes parmi les alertes"),
    "choice.called": ("called present", "jugées avec frelon"),
    "section.slices": ("By source, species, camera, time", "Par source, espèce, caméra, moment"),
    "slices.how": (
        (
            "Found: share of the hornets. False alarms: share of the pictures without one. Many slices are many chances to look bad by "
            "accident: mind the intervals. A star marks fewer than 10 groups, whose intervals are too narrow."
        ),
        (
            "Trouvés : part des frelons. Fausses alertes : part des images sans frelon. Avec beaucoup de tranches, l'une ou l'autre paraît "
            "mauvaise par hasard : regardez les intervalles. Une étoile marque moins de 10 groupes, dont les intervalles sont trop étroits."
        ),
    ),
    "slice.source": ("source", "source"),
    "slice.species": ("species", "espèce"),
    "slice.camera": ("camera", "caméra"),
    "slice.day": ("day", "jour"),
    "slice.hour": ("hour", "heure"),
    "slice.folded": ("By {column}: {n}", "Par {column} : {n}"),
    "slice.caption": ("By {column} (interval of 95%)", "Par {column} (intervalle à 95 %)"),
    "slice.pictures": ("pictures", "images"),
    "slice.present": ("with a hornet", "avec frelon"),
    "slice.groups": ("groups", "groupes"),
    "slice.recall": ("found", "trouvés"),
    "slice.alarms": ("false alarms", "fausses alertes"),
    "slice.auc": ("AUC", "AUC"),
    "slice.none": ("(not stated)", "(non indiqué)"),
    "slice.more": (
        "Only the {shown} with the most pictures are shown, of {all}.",
        "Seules les {shown} plus fournies sont montrées, sur {all}.",
    ),
}
