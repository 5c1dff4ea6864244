"""The embedded LM: llama.cpp's server inside this process, and the weights it loads."""
