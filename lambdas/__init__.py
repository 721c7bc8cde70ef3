"""What AWS calls: one handler a function. Each turns an event into a call of llmanager.wiring.aws, and decides nothing."""
