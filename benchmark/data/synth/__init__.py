"""Comics drawn by the program: styles, casts, pages, print, gaze, and the layouts they are written in."""
