"""Trying a token with a trust, without using it up."""

from app.core.runtime import Runtime
from app.issuers.rules import take_apart
from app.issuers.service import BadAssertion, Issuers
from app.trust import queries, rules
from app.trust.schemas import ClaimTried, TrustTried
from app.trust.service.keeping import no_trust


async def attempt(runtime: Runtime, issuers: Issuers, name: str, token: str) -> TrustTried:
    """What an exchange of this token under this trust would come to, and which claim stands in
    the way."""
    async with runtime.db.reading() as session:
        found = await queries.one(session, name)
    if found is None:
        raise no_trust(name)
    trust = found[0]
    try:
        claims = await issuers.verify(token, trust.issuer, trust.audience)
    except BadAssertion as bad:
        return TrustTried(fits=False, problem=bad.detail, used=False, claims=[])
    digest = rules.digest_of_use(trust.issuer, claims, take_apart(token).signed)
    async with runtime.db.reading() as session:
        used = await queries.was_used(session, digest)
        works = await queries.of_issuer(session, trust.issuer, name)
    tried = [
        ClaimTried(
            claim=claim,
            patterns=patterns,
            values=rules.texts(claims.get(claim)),
            matches=rules.fits(patterns, claims.get(claim)),
        )
        for claim, patterns in sorted(trust.claims.items())
    ]
    fits = not used and bool(works) and all(one.matches for one in tried)
    problem = None if works else "The service account is disabled."
    return TrustTried(fits=fits, problem=problem, used=used, claims=tried)
