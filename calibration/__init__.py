"""Calibration floor: a person's own unlabelled cues in, their baseline out (issued with the per-user adaptation)."""
