"""What AWS calls: one handler a function, from an event to a call of llmanager.wiring.aws; nothing is decided here."""
