"""Model floor: packets in, cues and a posterior out."""
