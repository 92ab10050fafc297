"""An HTTP/1.1 server, and what stands between it and a handler: routes, browsers, multipart bodies, responses."""
