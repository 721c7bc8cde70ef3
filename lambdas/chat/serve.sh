#!/bin/sh
# The handler of the streaming function: the Lambda Web Adapter (AWS_LAMBDA_EXEC_WRAPPER=/opt/bootstrap) runs it and
# passes requests on to this port once /health answers there. AWS_LWA_INVOKE_MODE=response_stream is the function's.
cd "$(dirname "$0")/../.." || exit 1
exec python3 -m uvicorn lambdas.chat.streaming:app --host 127.0.0.1 --port "${AWS_LWA_PORT:-8080}" --lifespan off \
  --no-access-log --log-level warning --no-server-header --timeout-keep-alive 900
