// client.js - a TLS client in Node.js, without its tls module. Node's net module
// can neither name a protocol nor set an option, but it takes a descriptor:
//
//	ssa run -- ../with-socket connect example.com 443 node client.js example.com /
const net = require('node:net');

if (process.argv.length !== 4) {
	console.error('usage: with-socket connect host port node client.js host path');
	process.exit(2);
}
const [, , host, path] = process.argv;
const socket = new net.Socket({ fd: 3, readable: true, writable: true });
socket.on('error', (e) => {
	console.error(`client.js: ${host}: ${e.message}`);
	process.exitCode = 1;
});
socket.pipe(process.stdout);
socket.write(`GET ${path} HTTP/1.0\r\nHost: ${host}\r\n\r\n`);
