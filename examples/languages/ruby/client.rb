#!/usr/bin/env ruby
# client.rb - a TLS client in Ruby, with its own socket library alone.
#
#	ssa run -- ruby client.rb example.com 443 /
require 'socket'

IPPROTO_TLS, TLS_REMOTE_HOSTNAME, TLS_ERROR = 205, 85, 100

abort 'usage: client.rb host port path' unless ARGV.size == 3
host, port, path = ARGV

address = Addrinfo.tcp(host, port)
begin
  socket = Socket.new(address.afamily, :STREAM, IPPROTO_TLS)
rescue SystemCallError => e
  abort "client.rb: #{e.message}: start it with ssa run -- ruby client.rb"
end
socket.setsockopt(IPPROTO_TLS, TLS_REMOTE_HOSTNAME, host)
begin
  socket.connect(address)
  socket.write("GET #{path} HTTP/1.0\r\nHost: #{host}\r\n\r\n")
  IO.copy_stream(socket, $stdout)
rescue SystemCallError => e
  why = socket.getsockopt(IPPROTO_TLS, TLS_ERROR).data.unpack1('Z*')
  abort "client.rb: #{host}: #{e.message}: #{why}"
end
socket.close
