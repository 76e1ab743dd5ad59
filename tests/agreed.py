"""A record of consent for tests that record made-up clips of nobody."""

from ahdetect.store.consent import Consent, consent_text

AGREED = Consent.given(["recording", "analysis"], consent_text("en"), person="P07")

LEARNS = Consent.given(["recording", "analysis", "adaptation"], consent_text("en"), person="P07")
"""The same, and a profile may learn."""

OPTIONS = ("--consent-given", "recording,analysis")
"""The same on the command line."""
