"""A key that must be seen nowhere."""

CANARY = "sk-canary-Zq4xW7pLm2Vt9Kd3"
