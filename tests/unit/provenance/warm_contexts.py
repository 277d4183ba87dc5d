"""Put JSON-LD contexts into the validator's own cache, as if it had fetched them; run by the validator's Python.

warm_contexts.py contexts.json CACHE
"""

import json
import sys
from pathlib import Path

from requests_cache import CachedRequest, CachedResponse, CachedSession

contexts, cache = sys.argv[1:]
session = CachedSession(cache_name=cache, backend="sqlite")
for url, terms in json.loads(Path(contexts).read_text()).items():
    content = json.dumps({"@context": terms}).encode()
    request = CachedRequest(method="GET", url=url)
    headers = {"Content-Type": "application/ld+json"}
    response = CachedResponse(status_code=200, content=content, headers=headers, request=request, url=url)
    session.cache.save_response(response)
