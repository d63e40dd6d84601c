"""The trigger: a stream of frames becomes one frame per tray."""
