"""Documents of the API, as the OpenAPI document describes them."""
