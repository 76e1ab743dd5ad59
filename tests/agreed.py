"""A record of consent for tests that record made-up clips of nobody."""

from ahdetect.store.consent import Consent, consent_text

AGREED = Consent.given(["recording", "analysis"], consent_text("en"), person="P07")

OPTIONS = ("--consent-given", "recording,analysis")
"""The same on the command line."""
