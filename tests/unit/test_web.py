"""What everything that asks web servers shares."""

from hornet.web import retry_after


def test_retry_after():
    """Seconds, dates and nonsense."""
    assert 120.0 == retry_after("120")
    assert 30.0 == retry_after("Wed, 21 Oct 2015 07:28:00 GMT", now=1445412450.0)
    assert 0.0 == retry_after("Wed, 21 Oct 2015 07:28:00 GMT", now=2e9)
    for nonsense in ("soon", "inf", "-1", "1e3", ""):
        assert None is retry_after(nonsense)
    assert None is retry_after(None)
