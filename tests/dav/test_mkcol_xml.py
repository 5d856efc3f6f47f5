"""What the body of an extended MKCOL asks for (RFC 5689 §3), without any server."""

from __future__ import annotations

import pytest

from davserver.dav import xml
from davserver.dav.errors import DavError
from davserver.dav.namespace import Wanted, read_mkcol
from davserver.dav.proppatch import told

COLLECTION = "<D:resourcetype><D:collection/></D:resourcetype>"


def wanted(props: str) -> Wanted:
    body = f'<D:mkcol xmlns:D="DAV:" xmlns:a="urn:a"><D:set><D:prop>{props}</D:prop></D:set></D:mkcol>'
    return read_mkcol(xml.parse(body.encode()), "Sitzung")


def test_a_plain_collection_with_properties_is_wanted() -> None:
    """RFC 5689 §3: resourcetype collection and dead properties; the display name may be the name it gets anyway."""
    asked = wanted(f"{COLLECTION}<a:colour>blau</a:colour><D:displayname>Sitzung</D:displayname>")
    assert not asked.refused
    assert list(asked.properties) == ["{urn:a}colour"]
    assert "blau" in asked.properties["{urn:a}colour"]


def test_no_resourcetype_means_a_plain_collection() -> None:
    """MKCOL makes nothing else."""
    assert wanted("<a:colour/>").refused == {}


@pytest.mark.parametrize(
    "kind",
    [
        "<D:resourcetype/>",
        "<D:resourcetype><a:calendar/></D:resourcetype>",
        "<D:resourcetype><D:collection/><a:calendar/></D:resourcetype>",
    ],
)
def test_another_resourcetype_is_refused(kind: str) -> None:
    """RFC 5689 §3.3: 403 with valid-resourcetype, and what was asked beside it fails with it (424)."""
    asked = wanted(f"{kind}<a:colour/>")
    assert asked.refused["{DAV:}resourcetype"].status == 403
    fates = told(asked.names, asked.refused)
    assert "<D:valid-resourcetype/>" in fates
    assert fates.index("403 Forbidden") < fates.index("424 Failed Dependency")


@pytest.mark.parametrize(
    "prop",
    [
        '<D:getetag>"x"</D:getetag>',
        "<D:displayname>anders</D:displayname>",
        "<D:lastmodified>1700000000</D:lastmodified>",
    ],
)
def test_a_protected_property_is_refused(prop: str) -> None:
    """RFC 5689 §3: if one property cannot be set nothing is made."""
    (refusal,) = wanted(f"{COLLECTION}{prop}<a:colour/>").refused.values()
    assert refusal.status == 403
    assert "cannot-modify-protected-property" in refusal.condition


def test_a_body_that_is_no_mkcol_is_not_understood() -> None:
    """RFC 4918 §9.3: 415."""
    with pytest.raises(DavError) as refused:
        read_mkcol(xml.parse(b'<propfind xmlns="DAV:"/>'), "x")
    assert refused.value.status == 415
