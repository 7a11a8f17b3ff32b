"""What holds of confirmations and arrivals, whatever comes."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from hornet.decision import PRESENT
from hornet.inference.watch.arrivals import Arrivals
from hornet.inference.watch.confirmation import (
    Camera,
    Rule,
    Sighting,
    from_document,
    observe,
    to_document,
)

RULES = st.builds(
    lambda pair, within, quiet: Rule(min(pair), max(pair), within, quiet),
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.sampled_from([0.0, 5.0, 1e9]),
    st.sampled_from([0.0, 7.0, 50.0]),
)
#: Verdicts, with seconds since the one before: of the files' times, and of the machine's clock.
STEPS = st.lists(
    st.tuples(st.sampled_from(["present", "absent", "unsure"]), st.integers(-3, 9), st.integers(0, 9)),
    max_size=60,
)


def play(rule, steps, camera=None, *, stored=False):
    """Show pictures to a camera; return what is remembered, and alarms with the time and number of the picture."""
    camera = camera or Camera()
    alarms, taken, now = [], 0.0, 1000.0
    for number, (label, later, pause) in enumerate(steps):
        taken, now = taken + later, now + pause
        camera, alarm = observe(rule, camera, Sighting(str(number), taken, label, 0.5), now)
        if stored:
            camera = from_document(to_document(camera))
        if alarm is not None:
            alarms.append((now, number, alarm))
    return camera, alarms


@given(RULES, STEPS)
def test_every_alarm_is_confirmed(rule, steps):
    """An alarm is raised by a present picture, with enough others among the last ones, near it in time."""
    for _, number, alarm in play(rule, steps)[1]:
        places = [int(picture.path) for picture in alarm.pictures]

        assert number == places[-1]
        assert rule.present <= len(places) <= alarm.of <= rule.of
        assert all(picture.label == PRESENT for picture in alarm.pictures)
        assert all(abs(picture.taken - alarm.pictures[-1].taken) <= rule.within for picture in alarm.pictures)


@given(RULES, STEPS)
def test_quiet_time(rule, steps):
    """Between two alarms of a camera lies the quiet time, and no picture confirms two of them."""
    alarms = play(rule, steps)[1]
    used = [picture.path for _, _, alarm in alarms for picture in alarm.pictures]

    assert all(later - earlier >= rule.quiet for (earlier, *_), (later, *_) in itertools.pairwise(alarms))
    assert len(set(used)) == len(used)


@given(RULES, STEPS)
def test_nothing_confirmed_is_lost(rule, steps):
    """Without quiet time every alarm is told; with it, those held back are counted."""
    camera, alarms = play(rule, steps)
    loud = Rule(rule.present, rule.of, rule.within, 0.0)

    assert 0 == play(loud, steps)[0].held
    assert bool(play(loud, steps)[1]) == bool(alarms)
    held = sum(alarm.held for _, _, alarm in alarms) + camera.held
    assert held + len(alarms) >= len(play(loud, steps)[1])


@given(RULES, STEPS)
def test_restarts_change_nothing(rule, steps):
    """A camera that is written down and read again after every picture raises the same alarms."""
    assert play(rule, steps) == play(rule, steps, stored=True)


@given(STEPS, st.integers(1, 10**9))
def test_a_clock_that_was_set_back(steps, leap):
    """However far the clock is set back, a camera isn't silenced by an alarm in the future."""
    rule = Rule(1, 1, 1e9, 1e12)
    camera, _ = observe(rule, Camera(), Sighting("a", 0.0, PRESENT, 0.5), 2e9)

    assert observe(rule, camera, Sighting("b", 0.0, PRESENT, 0.5), 2e9 - leap)[1] is not None


#: Each second: whether the file has grown since, and whether it could be read if it were tried.
SECONDS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=120)


@given(SECONDS, st.integers(1, 5), st.integers(5, 30))
def test_whole_files_are_read_once(seconds, settle, patience):
    """A file is tried after it stayed the same for long enough, or never did; it is answered once it can be read."""
    arrivals = Arrivals(settle, patience)
    size, changed = 0, 0
    answers: list[bool] = []
    for now, (grows, readable) in enumerate(seconds):
        if grows or not now:
            size, changed = size + 1, now
        if not answers:
            arrivals.look("a", (size, size), now)
        for path, seen in arrivals.ready(now):
            assert (size, size) == seen
            assert now - changed >= settle or now >= patience
            if readable or not arrivals.retry(path, now):
                answers.append(readable)
                arrivals.forget(path)

    assert len(answers) <= 1
    assert answers != [False] or now - changed >= 0
    assert (0 if answers else 1) == len(arrivals)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 3)), max_size=40))
def test_order_of_files(changes):
    """What is ready comes in the order of the files' times, whatever order it was found in."""
    arrivals = Arrivals(1, 60)
    for path, time in changes:
        arrivals.look(path, (1, time), 0)
    last = dict(changes)

    assert sorted((time, path) for path, time in last.items()) == [
        (seen[1], path) for path, seen in arrivals.ready(100)
    ]
