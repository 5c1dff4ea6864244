"""When a call goes: its turn, how many an endpoint bears, and second attempts at slow ones."""
