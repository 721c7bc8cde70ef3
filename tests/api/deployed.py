"""What this suite says of a server and cannot say of one behind API Gateway: each with its reason."""

_OWN_HOSTS = "API Gateway answers for its own host names only; a foreign one never reaches a function"
_BY_S3 = "files go straight to the bucket: S3 refuses in its own words, and does not know of our ids"
_IN_WHOLE = "API Gateway reads a body to its end before anybody sees it, and refuses one over 10 MB by itself"

CANNOT_HOLD = {
    "test_metrics_are_in_the_format_of_prometheus": "functions count in CloudWatch; there is no process to scrape",
    "test_the_published_schema_tells_every_route_of_the_control_plane": "each function publishes the routes it serves",
    "test_a_route_is_reached_by_its_alias_and_below_the_stage": "API Gateway takes the stage off a path, once",
    "test_so_are_those_that_are_got": "API Gateway takes the stage off a path, once",
    "test_a_foreign_host_header_is_refused": _OWN_HOSTS,
    "test_a_foreign_host_header_is_refused_where_something_would_change": _OWN_HOSTS,
    "test_an_address_takes_one_whole_file_once": _BY_S3,
    "test_an_address_opens_with_its_own_token_alone": _BY_S3,
    "test_a_body_over_the_limit_is_refused_before_it_is_sent": _IN_WHOLE,
    "test_a_body_of_unannounced_length_is_refused_once_it_is_over_the_limit": _IN_WHOLE,
    "test_headers_without_end_are_refused": "API Gateway refuses more than 10,240 bytes of headers by itself",
    "test_a_path_that_is_no_route_is_refused": "API Gateway, and what lies before it, put odd paths straight",
    "test_embeddings_tell_how_many_tokens_they_took": "the embedding container answers vectors, and no count",
}
