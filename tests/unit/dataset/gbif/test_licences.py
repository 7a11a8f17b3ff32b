"""Licences as GBIF passes them on."""

import pytest

from hornet.dataset.gbif.licences import parse_licence, parse_wanted, record_filter
from hornet.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://creativecommons.org/publicdomain/zero/1.0/legalcode", ("cc0", "CC0-1.0")),
        ("https://creativecommons.org/publicdomain/zero/1.0/", ("cc0", "CC0-1.0")),
        ("http://creativecommons.org/licenses/by/4.0/legalcode", ("cc-by", "CC-BY-4.0")),
        ("http://creativecommons.org/licenses/by/4.0", ("cc-by", "CC-BY-4.0")),
        ("https://creativecommons.org/licenses/by-sa/3.0/deed.fr", ("cc-by-sa", "CC-BY-SA-3.0")),
        ("http://creativecommons.org/licenses/by-nc/4.0/", ("cc-by-nc", "CC-BY-NC-4.0")),
        ("http://creativecommons.org/licenses/by-nc-nd/4.0/", ("cc-by-nc-nd", "CC-BY-NC-ND-4.0")),
        ("CC BY 4.0", ("cc-by", "CC-BY-4.0")),
        ("CC_BY_NC_4_0", ("cc-by-nc", "CC-BY-NC-4.0")),
        ("CC0_1_0", ("cc0", "CC0-1.0")),
        ("cc-by-nc-sa", ("cc-by-nc-sa", "CC-BY-NC-SA")),
        ("", None),
        ("© Somebody, all rights reserved", None),
        ("All rights reserved (not CC BY)", None),
        ("CC BY 4.0, but not for machines", None),
        ("http://creativecommons.org/publicdomain/mark/1.0/", None),
        ("https://example.org/creativecommons.org/licenses/by/4.0/", None),
        ("UNSPECIFIED", None),
    ],
)
def test_licences_are_read_whole(text, expected):
    """An address or words that say one licence are that licence; anything more, less or else is none."""
    assert expected == parse_licence(text)


def test_what_may_be_asked_for():
    """Names with commas between are taken once each; others are refused with the list of those that are known."""
    assert ("cc0", "cc-by") == parse_wanted(" CC0, cc-by,cc0")
    for text in ("", "mit", "cc0,by"):
        with pytest.raises(ConfigError, match="name some of cc0, cc-by"):
            parse_wanted(text)


def test_the_search_is_limited_where_it_can_be():
    """Records have three licences; where others are asked for, nothing is filtered out by them."""
    assert ["CC0_1_0", "CC_BY_4_0"] == record_filter(("cc0", "cc-by"))
    assert [] == record_filter(("cc0", "cc-by-sa"))
