#!/usr/bin/env ruby
# server.rb - a TLS server in Ruby, a thread for each connection.
#
#	ssa run -- ruby server.rb 127.0.0.1 8443 chain.pem key.pem
require 'socket'

IPPROTO_TLS, TLS_CERTIFICATE_CHAIN, TLS_PRIVATE_KEY = 205, 88, 89

abort 'usage: server.rb address port chain.pem key.pem' unless ARGV.size == 4
address, port, chain, key = ARGV

begin
  listener = Socket.new(:INET, :STREAM, IPPROTO_TLS)
rescue SystemCallError => e
  abort "server.rb: #{e.message}: start it with ssa run -- ruby server.rb"
end
listener.setsockopt(IPPROTO_TLS, TLS_CERTIFICATE_CHAIN, chain)
listener.setsockopt(IPPROTO_TLS, TLS_PRIVATE_KEY, key)
listener.bind(Addrinfo.tcp(address, port))
listener.listen(128)
puts "listening on #{address} port #{listener.local_address.ip_port}"
$stdout.flush

Socket.accept_loop(listener) do |connection|
  Thread.new do
    nil until ["\r\n", nil].include?(connection.gets)
    connection.write("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nHello from Ruby.\n")
  rescue SystemCallError => e
    warn "server.rb: #{e.message}"
  ensure
    connection.close
  end
end
