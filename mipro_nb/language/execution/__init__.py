"""One execution of a program: its scope, its trace, its threads and its scored row."""
