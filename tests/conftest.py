def pytest_addoption(parser):
    parser.addoption("--base-url", help="run tests/api on the server at this address instead of starting one")
    parser.addoption("--in-process", action="store_true", help="run tests/api on the app within this process")
    parser.addoption("--api-key", help="the key to send to that server, if it wants one")
