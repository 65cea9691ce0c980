"""What printing, ageing and scanning do to an image, at three strengths."""
