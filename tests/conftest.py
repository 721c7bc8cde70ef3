from hypothesis import HealthCheck, settings

settings.register_profile(
    "nightly",
    max_examples=5_000,
    stateful_step_count=200,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


def pytest_addoption(parser):
    parser.addoption("--base-url", help="run tests/api on the server at this address instead of starting one")
    parser.addoption("--in-process", action="store_true", help="run tests/api on the app within this process")
    parser.addoption("--api-key", help="the key to send to that server, if it wants one")
    parser.addoption("--chat-model", default="demo-tiny", help="what tests/api creates to chat with")
    parser.addoption("--embedding-model", default="minilm", help="what tests/api creates to embed with; 384 dimensions")
    parser.addoption("--platform", choices=["local", "aws"], default="local", help="what that server runs on")
