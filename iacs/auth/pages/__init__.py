"""The sign-in pages: accounts, reconnect links and the results of sign-ins, as HTML without scripts.

`SignInPages` decides what is answered, whatever the server; `iacs.integrations.aiohttp` and `.asgi` mount it.
"""

from iacs.auth.pages.messages import PageRequest, PageResponse
from iacs.auth.pages.sign_in_pages import SignInPages

__all__ = ["PageRequest", "PageResponse", "SignInPages"]
