"""The Python client. It is the package `luma_client`, installed by itself as `luma-client`."""

from luma_client import *  # noqa: F403
from luma_client import __all__  # noqa: F401
