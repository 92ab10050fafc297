"""An HTTP/1.1 server and what its handlers need: routing, CORS, checks of browser requests, multipart bodies, responses."""
