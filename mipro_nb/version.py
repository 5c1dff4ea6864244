"""The version of the installed package."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("mipro_nb")
except PackageNotFoundError:  # a source tree that is on the path but not installed
    __version__ = "0+unknown"
