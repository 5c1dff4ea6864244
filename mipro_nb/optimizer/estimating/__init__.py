"""The estimate: program and metric are rehearsed with made-up answers, and their calls counted."""
