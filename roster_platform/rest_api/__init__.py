"""Read any REST API that a dlt ``RESTAPIConfig`` declares, several requests at a time."""

from roster_platform.rest_api.source import (
    rest_api_resources,
    rest_api_source,
)

__all__ = ["rest_api_resources", "rest_api_source"]
