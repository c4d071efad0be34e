// server.js - an HTTPS server on Node's http module, without its https module. The
// listening socket is inherited:
//
//	ssa run -- ../with-socket listen 127.0.0.1 8443 chain.pem key.pem node server.js
const http = require('node:http');

http.createServer((request, response) => {
	response.setHeader('Content-Type', 'text/plain');
	response.end('Hello from Node.\n');
}).listen({ fd: 3 });
